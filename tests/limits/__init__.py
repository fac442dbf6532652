"""Tests of limits and admission."""
