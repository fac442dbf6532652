"""Maintains memories: tidying, health, recall checks, rechecks, the profile, and edits of many at once."""
