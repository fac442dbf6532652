"""Pieces that pages are drawn with; each is drawn in one place only."""
