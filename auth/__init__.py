"""Who is asking? Signing up, in and out, and the gate in front of every page."""
