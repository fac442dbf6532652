"""The walls between users, attacked from every side."""
