"""What whoever runs Keepsake watches: log lines, /metrics, and the request id that joins them; docs/operations.md."""
