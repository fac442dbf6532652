"""Makes or updates the tables: `python -m migrations`, with DATABASE_ADMIN_URL (or DATABASE_URL) set."""

from __future__ import annotations

from memory.migrations import main

if __name__ == "__main__":
    main()
