"""Tests of memory/rows."""
