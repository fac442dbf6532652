"""Draws what the welcome page and the account page show: signing in, and the settings of an account."""
