"""Draws the parts of the health page."""
