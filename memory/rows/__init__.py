"""The rows of the memory layer in Postgres: memories, their history, their graph, and the people's wishes."""
