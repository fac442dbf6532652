"""What the settings page draws."""
