"""Labels on the wire."""

from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import Row

from fleet.labels.models import Label, LabelType, MembershipType
from fleet.queries.schemas import SPECS_MAX, Description, ShortText, Sql
from fleet.shapes import Body

TYPES = {LabelType.REGULAR: "regular", LabelType.BUILTIN: "builtin"}
MEMBERSHIPS = {MembershipType.DYNAMIC: "dynamic", MembershipType.MANUAL: "manual"}


class NewLabel(Body):
    """A label to make."""

    name: str = ""
    query: Sql = ""
    platform: ShortText = ""
    description: Description = ""


class LabelChange(Body):
    """What of a label shall be different; what is absent stays."""

    name: str | None = None
    description: Description | None = None


class LabelSpec(Body):
    """A label as a file describes it."""

    name: str = ""
    description: Description = ""
    query: Sql = ""
    platform: ShortText = ""
    label_type: Literal["regular", "builtin"] = "regular"
    label_membership_type: Literal["dynamic", "manual"] = "dynamic"
    hosts: list[str] | None = None


class LabelSpecs(Body):
    """The labels of a file."""

    specs: Annotated[list[LabelSpec], Field(max_length=SPECS_MAX)] = []


LabelRow = Row[Any]
"""The columns of a label, as a statement gives them."""


def label_of_host(label: Label | LabelRow) -> dict[str, Any]:
    """A label as a host shows it."""
    return {
        "created_at": label.created_at,
        "updated_at": label.updated_at,
        "id": label.id,
        "name": label.name,
        "description": label.description,
        "query": label.query,
        "platform": label.platform,
        "label_type": TYPES[LabelType(label.label_type)],
        "label_membership_type": MEMBERSHIPS[MembershipType(label.label_membership_type)],
    }


def label_out(label: Label, count: int) -> dict[str, Any]:
    """A label with the number of its hosts."""
    return {
        **label_of_host(label),
        **({"host_count": count} if count else {}),
        "display_text": label.name,
        "count": count,
        "host_ids": None,
    }


def summary_out(label: Label) -> dict[str, Any]:
    """The short form, for lists to pick from."""
    return {
        "id": label.id,
        "name": label.name,
        "description": label.description,
        "label_type": TYPES[LabelType(label.label_type)],
    }


def spec_out(label: Label, hosts: list[str]) -> dict[str, Any]:
    """A label as a file describes it; applying it again changes nothing."""
    shown: dict[str, Any] = {
        "id": label.id,
        "name": label.name,
        "description": label.description,
        "query": label.query,
    }
    if label.platform:
        shown["platform"] = label.platform
    if label.label_type == LabelType.BUILTIN:
        shown["label_type"] = "builtin"
    shown["label_membership_type"] = MEMBERSHIPS[MembershipType(label.label_membership_type)]
    if label.label_membership_type == MembershipType.MANUAL and label.label_type == LabelType.REGULAR:
        shown["hosts"] = hosts
    return shown
