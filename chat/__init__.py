"""One turn of talk, start to finish: what was said, what is recalled, what is replied, what is remembered."""
