"""What becomes of a turn after the reply: it waits in queue.py, until worker.py remembers it."""
