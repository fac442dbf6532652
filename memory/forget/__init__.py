"""Erasing for good, with receipts: everything, or what one chat taught."""
