"""Tests of what may be done how often, and by whom."""
