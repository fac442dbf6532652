"""The whole app, used by a person in a real browser."""
