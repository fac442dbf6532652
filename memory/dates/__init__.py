"""The dates and spans of time that a text names."""
