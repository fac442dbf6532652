"""Words, patterns and rules for each language. Nothing is stored, and no model is asked."""
