"""When two names are the same name."""

import unicodedata


def fold(name: str) -> str:
    """The form in which names are compared: without case, accents and trailing spaces.

    Names of packs, queries, labels, policies and teams are unique in this form.
    """
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold().rstrip()
