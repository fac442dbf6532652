"""Tests of memory/erase."""
