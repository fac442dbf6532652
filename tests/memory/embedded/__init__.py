"""Tests of memory/embedded."""
