"""From a question to the memories that answer it: search, rank, rerank, and the rewriting of questions."""
