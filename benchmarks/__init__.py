"""Benchmarks that run on this machine. LOG.md keeps their results, the bad ones too."""
