"""Tests of memory/forget."""
