"""Memories from elsewhere: files, ChatGPT exports, the queue that learns from them, and new vectors for all of them."""
