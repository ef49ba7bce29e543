"""What can go wrong, said without HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the field it is about (`base`: the whole) and why, in words for people."""

    name: str
    reason: str


class FleetError(Exception):
    """Parent of everything that is answered as an error; `status` and `message` are what the API says."""

    status = 500
    message = "Internal Server Error"

    def __init__(
        self,
        problems: Sequence[Problem] | str,
        *,
        name: str = "base",
        message: str | None = None,
        status: int | None = None,
        code: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.problems = [Problem(name, problems)] if isinstance(problems, str) else list(problems)
        self.message = message or self.message
        self.status = status or self.status
        self.code = code
        self.headers = headers or {}
        super().__init__("; ".join(f"{p.name}: {p.reason}" for p in self.problems))

    def envelope(self) -> dict[str, Any]:
        """How every door but that of osquery says it: `{"message", "code"?, "errors"?: [{"name", "reason"}]}`."""
        body: dict[str, Any] = {"message": self.message}
        if self.code is not None:
            body["code"] = self.code
        if self.problems:
            body["errors"] = [{"name": p.name, "reason": p.reason} for p in self.problems]
        return body


class BadRequest(FleetError):
    """The request could not be read: bad JSON, a wrong type, an unknown key where keys are fixed."""

    status = 400
    message = "Bad request"


class Unauthenticated(FleetError):
    """Nobody known is asking."""

    status = 401
    message = "Authentication required"

    def __init__(self, reason: str = "Authentication required") -> None:
        super().__init__(reason, message=reason)


class Forbidden(FleetError):
    """Whoever asks may not do that."""

    status = 403
    message = "forbidden"

    def __init__(self, reason: str = "forbidden") -> None:
        super().__init__(reason, message=reason)


class NotFound(FleetError):
    """There is no such thing."""

    status = 404
    message = "Resource Not Found"

    @classmethod
    def of(cls, kind: str, key: object) -> "NotFound":
        """In the words that clients know: `Query 9 was not found in the datastore`."""
        return cls(f"{kind} {key} was not found in the datastore")


class AlreadyExists(FleetError):
    """Something of that name is there already."""

    status = 409
    message = "Resource Already Exists"


class DuplicateEntry(FleetError):
    """The same as `AlreadyExists`, on routes whose clients match the words of a unique index."""

    status = 409
    message = "Validation Failed"

    @classmethod
    def of(cls, value: object, index: str) -> "DuplicateEntry":
        """`value` stands twice in `index`, for example `labels.idx_label_unique_name`."""
        return cls(f"Error 1062 (23000): Duplicate entry '{value}' for key '{index}'")


class Conflict(FleetError):
    """It was changed meanwhile, or is busy."""

    status = 409
    message = "Conflict"


class TooLarge(FleetError):
    """More bytes than the route takes, on the wire or after inflating."""

    status = 413
    message = "Request Entity Too Large"

    @classmethod
    def than(cls, cap: int) -> "TooLarge":
        """The body is larger than `cap` bytes."""
        return cls(f"request body is larger than the {cap} bytes that this route takes")


class Invalid(FleetError):
    """Read, but not acceptable."""

    status = 422
    message = "Validation Failed"


class TooManyRequests(FleetError):
    """Try again in `retry_after` seconds."""

    status = 429

    def __init__(self, retry_after: int) -> None:
        text = f"limit exceeded, retry after: {retry_after}s"
        super().__init__(text, message=text, headers={"Retry-After": str(retry_after)})


class Unavailable(FleetError):
    """Something the server depends on does not answer."""

    status = 503
    message = "Service Unavailable"


class NodeInvalid(FleetError):
    """Agents only: the key or secret is wrong, enroll again. Never for a passing fault."""

    status = 401
    message = "authentication error"
