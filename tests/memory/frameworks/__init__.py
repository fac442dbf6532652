"""Tests of the adapters for other people's frameworks."""
