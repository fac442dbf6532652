"""What the chat page draws."""
