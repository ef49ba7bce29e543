"""When two names are the same name."""

import unicodedata

MAX = 255
"""Characters of a name, and of the form in which it is compared: columns hold no more."""


def fold(name: str) -> str:
    """The form in which names are compared: without case, accents and trailing spaces.

    Names of packs, queries, labels, policies and teams are unique in this form.
    """
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold().rstrip()


def is_blank(name: str) -> bool:
    """Whether nothing of a name is left in the form in which it is compared."""
    return not fold(name).strip()


def too_long(name: str) -> bool:
    """Whether a name, or the form in which it is compared, is longer than names may be."""
    return len(name) > MAX or len(fold(name)) > MAX
