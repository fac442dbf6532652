"""What the health page draws."""
