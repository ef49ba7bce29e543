"""The admin plane: doors for people and their scripts."""
