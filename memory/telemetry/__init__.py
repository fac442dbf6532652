"""What a process counts of its own work, and the id that joins the log lines of one request, page or turn."""
