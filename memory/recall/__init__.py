"""Recall: finding the memories and episodes that answer a question."""
