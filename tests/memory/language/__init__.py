"""Tests of memory/language."""
