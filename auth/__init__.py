"""Who uses the app: signing up, in and out, and the check at the start of every page."""
