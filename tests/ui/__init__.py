"""The pieces that pages are drawn with."""
