"""What the pages are drawn with: a folder for each page, and what several pages share."""
