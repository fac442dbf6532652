"""Draws the parts of the memories page."""
