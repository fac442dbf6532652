"""Who is asking: against the real auth server."""
