"""Tests of memory/dates."""
