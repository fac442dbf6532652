"""Draws the pages: a folder for each page, and the modules that several pages share."""
