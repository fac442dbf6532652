"""Benchmarks, run on this machine. LOG.md has their results, the bad ones too."""
