"""The form of a label: what people fill in, how it becomes a label or a change, and what another hand changed."""

from collections.abc import Mapping

from werkzeug.datastructures import MultiDict

from fleet import schema
from fleet.errors import Invalid, Problem
from fleet.hosts.platforms import NAMES, generic
from fleet.labels.models import Label
from fleet.labels.schemas import LabelChange, NewLabel
from fleet.names import MAX, is_blank, too_long
from fleet.queries.forms import copy_name
from fleet.web import conflicts
from fleet.web.conflicts import Difference
from fleet.web.parsing import parse_form, parse_form_in_part

PLATFORMS = {"": "All platforms", "darwin": "macOS", "windows": "Windows", "ubuntu": "Ubuntu", "centos": "CentOS"}
"""What the form offers. Agents name distributions, so there is no choice that means every Linux."""

FIELDS = {"name": "Name", "description": "Description", "platform": "Platform", "query": "SQL"}
"""The fields, as the page calls them."""

CHANGEABLE = ("name", "description")

Values = dict[str, str]

NEW: Values = {"name": "", "description": "", "platform": "", "query": "SELECT 1 FROM os_version WHERE major >= 13;"}


def platform_name(platform: str) -> str:
    """The hosts that a label is asked of, as people call them."""
    return PLATFORMS.get(platform) or NAMES.get(platform, platform)


def choices(platform: str) -> list[tuple[str, str]]:
    """The platforms to choose from, and the one that stands already if it is another."""
    other = [] if platform in PLATFORMS else [(platform, platform_name(platform))]
    return [*PLATFORMS.items(), *other]


def values_of(label: Label) -> Values:
    """The fields of a label as a form shows them."""
    return {name: getattr(label, name) for name in FIELDS}


def copy_of(label: Label) -> Values:
    """The form of a new label that starts as this one."""
    return values_of(label) | {"name": copy_name(label.name)[:MAX]}


def typed(sent: MultiDict[str, str], stored: Label | None = None) -> Values:
    """What was sent, as the form shows it again; of a stored label only what can change."""
    given = {name: sent.get(name, "").replace("\r\n", "\n") for name in FIELDS}
    if stored is None:
        return given
    return values_of(stored) | {name: given[name] for name in CHANGEABLE}


def read(values: Values) -> NewLabel:
    """The label that a form holds; `Invalid` names each field that is not acceptable."""
    new, found = parse_form_in_part(NewLabel, values, _faults)
    if found:
        raise Invalid(found)
    return new


def _faults(new: NewLabel) -> list[Problem]:
    found = _faults_of_name(new.name)
    if new.platform not in PLATFORMS and not generic(new.platform):
        found.append(Problem("platform", "is not one of the choices"))
    if not new.query.strip():
        return [*found, Problem("query", "must not be empty")]
    return found + [Problem("query", error) for error in schema.check(new.query).errors]


def _faults_of_name(name: str) -> list[Problem]:
    if is_blank(name):
        return [Problem("name", "must not be empty")]
    return [Problem("name", f"must not be longer than {MAX} characters")] if too_long(name) else []


def read_change(values: Values) -> LabelChange:
    """The same of a label that is there: its name and description, also when emptied."""
    found: list[Problem] = []
    for name in CHANGEABLE:
        try:
            parse_form(LabelChange, {name: values[name]})
        except Invalid as refused:
            found += refused.problems
    if not any(problem.name == "name" for problem in found):
        found += _faults_of_name(values["name"])
    if found:
        raise Invalid(found)
    return LabelChange(name=values["name"], description=values["description"])


def differences(stored: Label, values: Mapping[str, str]) -> list[Difference]:
    """What saving would change of the stored label."""
    return conflicts.differences({name: FIELDS[name] for name in CHANGEABLE}, values_of(stored), values)
