"""What the memory layer knows of languages: words, patterns and rules. Pure; nothing is stored."""
