"""Signs people up, in and out, and checks at the start of every page who is signed in."""
