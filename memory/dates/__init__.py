"""Which days a question means."""
