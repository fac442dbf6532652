"""PostgreSQL and an embedding model on this machine, for a memory that is given no address."""
