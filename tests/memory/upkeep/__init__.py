"""Tests of memory/upkeep."""
