"""The elements of the settings page."""
