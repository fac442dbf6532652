"""Texts of the pages: each that is asked for is there, and each that is there is asked for."""
