"""Erasing permanently, with a receipt: all that is known about a user, or what one chat taught."""
