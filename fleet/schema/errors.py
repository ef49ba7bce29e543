"""What can go wrong with SQL, whoever runs it."""


class Failed(Exception):
    """SQL that could not be run; its text is SQLite's or the function's."""


class TimedOut(Failed):
    """SQL that took longer than it may."""


class TooMuch(Failed):
    """SQL that gave more than it may."""
