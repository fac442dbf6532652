"""The elements of the chat page."""
