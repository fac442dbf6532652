"""What memory keeps in Postgres: the memories, their history, their graph, and what people set for remembering."""
