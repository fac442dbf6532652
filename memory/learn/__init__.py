"""From messages to memories: extraction, what is accepted, what is never kept, episodes, questions."""
