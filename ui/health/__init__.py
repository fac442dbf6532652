"""The elements of the health page."""
