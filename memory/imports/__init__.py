"""Imports: files of memories, ChatGPT's export, the import queue, and re-embedding."""
