"""Tests of a chat, from turn to memory."""
