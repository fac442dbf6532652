"""What the memories page draws."""
