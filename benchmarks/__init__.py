"""What is claimed, measured on this machine; results and failures stand in LOG.md."""
