"""Tests of memory/imports."""
