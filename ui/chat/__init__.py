"""Draws the parts of the chat page."""
