"""The command `python -m migrations`, short for `python -m memory.migrations`: it creates or updates the tables."""

from __future__ import annotations

from memory.migrations import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
