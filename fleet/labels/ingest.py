"""Which labels a host is in, as it answers their queries."""

from collections.abc import Mapping

from sqlalchemy import Connection, and_, bindparam, delete, select
from sqlalchemy.exc import IntegrityError

from fleet.db.portable import insert_ignore, is_foreign_key
from fleet.labels.models import ALL_HOSTS, Label, LabelMembership, MembershipType

# Made once: putting statements together costs more than running them.
_STANDING = (
    select(Label.id, LabelMembership.host_id)
    .outerjoin(
        LabelMembership,
        and_(LabelMembership.label_id == Label.id, LabelMembership.host_id == bindparam("host_id")),
    )
    .where(Label.label_membership_type == MembershipType.DYNAMIC)
)
_LEAVE = delete(LabelMembership).where(
    LabelMembership.host_id == bindparam("host_id"),
    LabelMembership.label_id.in_(bindparam("label_ids", expanding=True)),
)


def join_all_hosts(connection: Connection, host_id: int) -> None:
    """Put a host that enrolls into All Hosts."""
    insert_ignore(connection, LabelMembership.__table__, [{"host_id": host_id, "label_id": ALL_HOSTS}])


def answered(connection: Connection, host_id: int, answers: Mapping[int, bool]) -> bool:
    """Store which labels a host is in and which it is not; whether anything changed.

    Answers to labels that are gone, or whose members are a list, count for nothing. No host leaves All Hosts.
    """
    for last in (False, True):
        joins, leaves = _differences(connection, host_id, answers)
        if not joins and not leaves:
            return False
        try:
            with connection.begin_nested():
                rows = [{"host_id": host_id, "label_id": label_id} for label_id in joins]
                insert_ignore(connection, LabelMembership.__table__, rows)
                if leaves:
                    connection.execute(_LEAVE, {"host_id": host_id, "label_ids": leaves})
            return True
        except IntegrityError as refused:  # a label was deleted meanwhile: look again
            if last or not is_foreign_key(refused):
                raise
    return False


def _differences(connection: Connection, host_id: int, answers: Mapping[int, bool]) -> tuple[list[int], list[int]]:
    """The labels that the host is to join, and those that it is to leave."""
    joins, leaves = [], []
    # All labels are looked at, not those that were answered: a host can name more than fit into a statement.
    for row in connection.execute(_STANDING, {"host_id": host_id}):
        inside = answers.get(row.id)
        if inside and row.host_id is None:
            joins.append(row.id)
        elif inside is False and row.host_id is not None and row.id != ALL_HOSTS:
            leaves.append(row.id)
    return sorted(joins), sorted(leaves)
