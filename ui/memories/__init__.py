"""The elements of the memories page."""
