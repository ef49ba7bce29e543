"""The filters of a host list, as a query string says them: checked for programs, cleaned for people."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fleet.errors import BadRequest
from fleet.hosts.listing import STATUSES, Filter
from fleet.hosts.schemas import HostFilters
from fleet.shapes import digits


def _text(text: str) -> str:
    if "\x00" in text:
        raise BadRequest("must not hold a NUL character")
    return text.strip()


def _id(text: str) -> int:
    number = digits(text)
    if number is None:
        raise BadRequest("must be a number")
    return number


def _one_of(*words: str, refusal: str = "must be one of {words}, not {text}") -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in words:
            raise BadRequest(refusal.format(words=", ".join(words), text=text))
        return text

    return check


def _gigabytes(text: str) -> int:
    number = digits(text, 100)
    if not number:
        raise BadRequest(f"invalid low_disk_space threshold, must be between 1 and 100: {text}")
    return number


CHECKS: Mapping[str, Callable[[str], Any]] = {
    "query": _text,
    "status": _one_of(*STATUSES, refusal="invalid status {text}"),
    "team_id": _id,
    "label_id": _id,
    "os_name": _text,
    "os_version": _text,
    "low_disk_space": _gigabytes,
    "policy_id": _id,
    "policy_response": _one_of("passing", "failing"),
    "software_id": _id,
    "os_id": _id,
    "mdm_id": _id,
    "mdm_name": _text,
    "mdm_enrollment_status": _one_of(
        "manual", "automatic", "enrolled", "pending", "unenrolled", refusal="invalid mdm enrollment status {text}"
    ),
    "munki_issue_id": _id,
    "macos_settings": _one_of("verified", "verifying", "pending", "failed"),
    "macos_settings_disk_encryption": _one_of(
        "verified", "verifying", "action_required", "enforcing", "failed", "removing_enforcement"
    ),
    "bootstrap_package": _one_of("installed", "pending", "failed"),
}
"""Every filter by its name, and what makes of its text a value or refuses it."""

NOBODY_HAS = (
    "policy_id", "software_id", "os_id", "mdm_id", "mdm_name", "mdm_enrollment_status", "munki_issue_id",
    "macos_settings", "macos_settings_disk_encryption", "bootstrap_package",
)  # fmt: skip
"""Filters on things that no host of this server has, whatever they name."""


def check(name: str, text: str) -> Any:
    """The value of one filter; `BadRequest` names it when it cannot be used."""
    try:
        return CHECKS[name](text)
    except BadRequest as refused:
        reason = refused.problems[0].reason
        worded = reason if "invalid" in reason else f"{name} {reason}"
        raise BadRequest(worded, name="base" if name == "mdm_enrollment_status" else name) from None


def read(given: Mapping[str, str]) -> Filter:
    """The filter of an API request; `team_id=0` is every team there."""
    values = {name: check(name, given[name]) for name in CHECKS if given.get(name)}
    return _filter(values)


def read_clean(given: Mapping[str, str]) -> tuple[Filter, dict[str, str]]:
    """The filter of a page's address, where `team_id=0` is no team; and the parameters that were understood."""
    values: dict[str, Any] = {}
    understood: dict[str, str] = {}
    for name in CHECKS:
        text = given.get(name, "").strip()
        if not text:
            continue
        try:
            values[name] = check(name, text)
        except BadRequest:
            continue
        understood[name] = text
    if "policy_response" in understood and "policy_id" not in understood:
        del understood["policy_response"]
    return replace(_filter(values), no_team=values.get("team_id") == 0), understood


def read_page(given: Mapping[str, str]) -> Filter:
    """The filter of a form about hosts to change, where `team_id=0` is no team: whatever is not understood is
    refused, since leaving it out would widen the selection."""
    values = {name: check(name, given[name].strip()) for name in CHECKS if given.get(name, "").strip()}
    return replace(_filter(values), no_team=values.get("team_id") == 0)


def of_body(filters: HostFilters) -> Filter:
    """The filter of a request body: nothing in it is every host, an unknown status is none of them."""
    status = check("status", filters.status) if filters.status else ""
    return Filter(match=filters.query.strip(), status=status, team_id=filters.team_id, label_id=filters.label_id)


def _filter(values: Mapping[str, Any]) -> Filter:
    return Filter(
        match=values.get("query", ""),
        status=values.get("status", ""),
        team_id=values.get("team_id") or None,
        label_id=values.get("label_id"),
        os_name=values.get("os_name", ""),
        os_version=values.get("os_version", ""),
        low_disk_space=values.get("low_disk_space"),
        nobody=any(name in values for name in NOBODY_HAS),
    )
