"""The tests, in the folders of what they test; each is a sentence about behaviour."""
