"""Runs the app on one machine without an account: the launcher, the auth server, the installer, the list of licences.

The database and the embedder are in `memory/embedded/`. A hosted app imports nothing from here.
"""
