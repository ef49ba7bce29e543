"""The one place where a bug of any kind stops: it is logged with its traceback and ends one job only."""

import logging
from types import TracebackType

log = logging.getLogger("fleet.server")


class Boundary:
    """`with Boundary("what was tried") as tried:`; afterwards `tried.failed` says whether it raised."""

    __slots__ = ("_what", "failed")

    def __init__(self, what: str) -> None:
        self._what = what
        self.failed = False

    def __enter__(self) -> "Boundary":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.failed = True
        log.error("%s failed", self._what, exc_info=error)
        return True
