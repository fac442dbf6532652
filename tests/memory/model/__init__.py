"""Tests of memory/model."""
