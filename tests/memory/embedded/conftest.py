"""Fixtures that the tests of the embedded servers share with those of the launcher."""

from tests.local.conftest import data_dir, ollama, postgres, until_fixture

__all__ = ["data_dir", "ollama", "postgres", "until_fixture"]
