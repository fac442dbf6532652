"""The elements of the account page."""
