"""Tests of memory/database."""
