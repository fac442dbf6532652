"""A Supabase without an account: PostgreSQL, an auth server and an embedder on this machine.

Only the launcher (`python -m local`), the memory library's default and tests reach in here; a hosted
app never does. Importing this package starts and imports nothing.
"""
