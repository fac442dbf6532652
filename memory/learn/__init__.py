"""From what was said to what is remembered: extract, reconcile, write; and what the person is asked."""
