"""Words, patterns and rules, by language. Nothing is stored or asked for here."""
