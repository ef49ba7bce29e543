"""Labels: found, counted, made, changed and deleted."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, delete, exists, func, select
from sqlalchemy.orm import Session

from fleet.authz.check import Visible
from fleet.db import changes
from fleet.db.listing import Columns, ListOptions, ordered, paged
from fleet.db.portable import batches, contains, insert_ignore, unique
from fleet.errors import DuplicateEntry, Invalid, NotFound
from fleet.hosts import status
from fleet.hosts.models import Host
from fleet.labels.models import Label, LabelMembership, LabelType, MembershipType
from fleet.labels.schemas import MEMBERSHIPS, TYPES, LabelChange, LabelSpec, NewLabel
from fleet.names import fold, is_blank, too_long
from fleet.packs.models import Pack, PackTarget, TargetType

SORTABLE: Columns = {
    name: Label.__table__.c[name]
    for name in ("id", "description", "platform", "label_type", "created_at", "updated_at")
} | {"name": func.lower(Label.__table__.c.name, type_=Text())}
"""The keys by which labels may be ordered."""

Counted = Sequence[tuple[Label, int]]
"""Labels, each with how many of its hosts somebody sees."""


def get(session: Session, label_id: int) -> Label:
    """The label with this id."""
    label = session.get(Label, label_id)
    if label is None:
        raise NotFound.of("Label", label_id)
    return label


def held(session: Session, label_id: int) -> Label:
    """The same; nobody else changes it before this transaction ends."""
    statement = select(Label).where(Label.id == label_id).with_for_update().execution_options(populate_existing=True)
    label = session.scalar(statement)
    if label is None:
        raise NotFound.of("Label", label_id)
    return label


def by_name(session: Session, name: str) -> Label:
    """The label of this name."""
    label = session.scalar(select(Label).where(Label.name_key == fold(name)))
    if label is None:
        raise NotFound.of("Label", name)
    return label


def every(session: Session) -> Sequence[Label]:
    """All labels, the built-in ones first."""
    return session.scalars(select(Label).order_by(Label.id)).all()


def counted(session: Session, to: Visible, options: ListOptions | None = None, *, search: bool = False) -> Counted:
    """The labels of a list with the hosts that somebody sees; `search`: only those whose name matches."""
    options = options or ListOptions()
    members = _members(to).subquery()
    statement: Select[Any] = select(Label, func.coalesce(members.c.hosts, 0)).outerjoin(
        members, members.c.label_id == Label.id
    )
    if search and options.match:
        statement = statement.where(contains(Label.__table__.c.name, options.match))
    statement = paged(ordered(statement, options, SORTABLE, Label.__table__.c.id), options)
    return [(label, int(hosts)) for label, hosts in session.execute(statement)]


def how_many(session: Session, match: str) -> int:
    """How many labels have a name that matches."""
    statement = select(func.count()).select_from(Label)
    return session.scalar(statement.where(contains(Label.__table__.c.name, match))) or 0


def any_own(session: Session) -> bool:
    """Whether there is a label that is not built in."""
    return bool(session.scalar(select(exists().where(Label.label_type == LabelType.REGULAR))))


def host_count(session: Session, label: Label, to: Visible) -> int:
    """How many hosts of a label somebody sees."""
    members = _members(to).where(LabelMembership.label_id == label.id).subquery()
    return session.scalar(select(members.c.hosts)) or 0


def _members(to: Visible) -> Any:
    statement = select(LabelMembership.label_id, func.count().label("hosts")).group_by(LabelMembership.label_id)
    if to.everything:
        return statement
    return statement.join(Host, Host.id == LabelMembership.host_id).where(status.visible(to))


def create(session: Session, new: NewLabel) -> Label:
    """Make a label; hosts join it as they next answer its query."""
    for name, missing in (("name", is_blank(new.name)), ("query", not new.query.strip())):
        if missing:
            raise Invalid("missing required argument", name=name)
    _check_name(new.name)
    label = Label(name=new.name, name_key=fold(new.name), query=new.query, platform=new.platform,
                  description=new.description)  # fmt: skip
    with unique(session, lambda: _taken(new.name)):
        session.add(label)
    changes.announce(session, changes.LABELS, label.id)
    return label


def modify(session: Session, label: Label, change: LabelChange) -> None:
    """Rename or redescribe a label. Built-in ones stay as they are."""
    refuse_builtin(label)
    if change.name is not None:
        if is_blank(change.name):
            raise Invalid("missing required argument", name="name")
        _check_name(change.name)
        with unique(session, lambda: _taken(str(change.name))):
            label.name, label.name_key = change.name, fold(change.name)
    if change.description is not None:
        label.description = change.description
    session.flush()


def remove(session: Session, label: Label) -> None:
    """Delete a label, its membership, and it as a target of packs."""
    refuse_builtin(label)
    session.execute(delete(PackTarget).where(*_aims_at(label)))
    session.execute(delete(Label).where(Label.id == label.id))
    changes.announce(session, changes.LABELS, label.id)
    changes.announce(session, changes.CONFIG)


def packs_aimed_at(session: Session, label: Label) -> Sequence[str]:
    """The names of the packs that have the label as a target."""
    aimed = select(PackTarget.pack_id).where(*_aims_at(label))
    return session.scalars(select(Pack.name).where(Pack.id.in_(aimed)).order_by(Pack.name_key)).all()


def _aims_at(label: Label) -> tuple[ColumnElement[bool], ...]:
    return PackTarget.type == TargetType.LABEL, PackTarget.target_id == label.id


def refuse_builtin(label: Label) -> None:
    """Built-in labels cannot be changed: lists, counts and targets rely on them."""
    if label.label_type == LabelType.BUILTIN:
        raise Invalid(f"cannot modify built-in label {label.name!r}", name="name")


def hostnames_of(
    session: Session, labels: Iterable[Label], to: Visible, most: int | None = None
) -> dict[int, list[str]]:
    """The hosts of manual labels that somebody sees, by hostname, `most` of them in all; dynamic labels have no
    list. Labels without hosts are not in it."""
    manual = [label.id for label in labels if label.label_membership_type == MembershipType.MANUAL]
    member = LabelMembership.host_id == Host.id
    statement = select(LabelMembership.label_id, Host.hostname).join(Host, member).where(status.visible(to))
    found: dict[int, list[str]] = {}
    for some in batches(manual):
        rows = statement.where(LabelMembership.label_id.in_(some)).order_by(LabelMembership.label_id, Host.id)
        for label_id, hostname in session.execute(rows.limit(most)):
            found.setdefault(label_id, []).append(hostname)
    return found


def apply(session: Session, specs: Sequence[LabelSpec]) -> None:
    """Make or change the labels of a file, each found by its name; all of them or none."""
    stored: dict[str, Label] = {}
    for keys in batches(sorted({fold(spec.name) for spec in specs})):
        stored |= {label.name_key: label for label in session.scalars(select(Label).where(Label.name_key.in_(keys)))}
    for spec in specs:
        stored[fold(spec.name)] = _apply(session, spec, stored.get(fold(spec.name)))
    if specs:
        changes.announce(session, changes.LABELS)


def _apply(session: Session, spec: LabelSpec, label: Label | None) -> Label:
    if is_blank(spec.name):
        raise Invalid("label name must not be empty", name="name")
    _check_name(spec.name)
    manual = spec.label_membership_type == "manual"
    if not manual and spec.hosts:
        raise Invalid(f"label {spec.name} is declared as dynamic but contains `hosts` key", name="hosts")
    if manual and spec.hosts is None and (label is None or label.label_membership_type != MembershipType.MANUAL):
        raise Invalid(f"label {spec.name} is declared as manual but contains no `hosts key`", name="hosts")
    if label is not None and label.label_type == LabelType.BUILTIN:
        if _differs(label, spec):
            refuse_builtin(label)
        return label
    if spec.label_type == "builtin":
        raise Invalid(f"label {spec.name} cannot be made a built-in one", name="label_type")
    label = label or Label(name_key=fold(spec.name))
    label.name, label.description, label.query, label.platform = spec.name, spec.description, spec.query, spec.platform
    label.label_membership_type = MembershipType.MANUAL if manual else MembershipType.DYNAMIC
    with unique(session, lambda: _taken(spec.name)):
        session.add(label)
    if manual and spec.hosts is not None:
        _replace_members(session, label, spec.hosts)
    return label


def _differs(label: Label, spec: LabelSpec) -> bool:
    stored = (label.name, label.description, label.query, label.platform, TYPES[LabelType(label.label_type)],
              MEMBERSHIPS[MembershipType(label.label_membership_type)])  # fmt: skip
    return stored != (spec.name, spec.description, spec.query, spec.platform, spec.label_type,
                      spec.label_membership_type)  # fmt: skip


def _replace_members(session: Session, label: Label, names: Sequence[str]) -> None:
    session.execute(delete(LabelMembership).where(LabelMembership.label_id == label.id))
    for some in batches(names):
        ids = session.scalars(select(Host.id).where(Host.hostname.in_(some))).all()
        rows = [{"label_id": label.id, "host_id": host_id} for host_id in ids]
        insert_ignore(session, LabelMembership.__table__, rows)


def _check_name(name: str) -> None:
    if too_long(name):
        raise Invalid("Error 1406 (22001): Data too long for column 'name'", name="name")


def _taken(name: str) -> DuplicateEntry:
    return DuplicateEntry.of(name, "labels.idx_label_unique_name")
