"""What the welcome page and the account page draw: signing in, and everything about an account."""
