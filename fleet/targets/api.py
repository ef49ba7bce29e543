"""The JSON routes of targets."""

from fleet import clock
from fleet.authz.check import Thing, Visible, visible_teams
from fleet.extensions import db
from fleet.hosts.schemas import candidate
from fleet.queries import service as queries
from fleet.targets import search
from fleet.targets import service as targets
from fleet.targets.schemas import TargetSearch, counts_out, label_of_target, team_of_target
from fleet.teams import service as teams_
from fleet.web import doors
from fleet.web.context import authorize, current_actor
from fleet.web.parsing import parse

api = doors.api("targets", __name__)

TARGET = Thing("target")


@api.post("/targets", reads=True)
def search_targets() -> doors.Json:
    """Hosts, labels and teams that a text finds, beside how many hosts are selected already."""
    authorize("read", TARGET)
    sought = parse(TargetSearch)
    visible = visible_for(sought.query_id)
    now = clock.now()
    session, chosen = db.session(), sought.selected
    hosts = search.find_hosts(session, sought.query, visible, chosen.hosts)
    labels = search.find_labels(session, sought.query, visible, chosen.labels)
    teams = search.find_teams(session, sought.query, visible, chosen.teams or ())
    secrets = teams_.enroll_secrets(session, [team.id for team, _, _ in teams])
    counts = targets.count(session, chosen.selection(), visible, now)
    return {
        "targets": {
            "hosts": [candidate(row, now) for row in hosts],
            "labels": [label_of_target(label, count) for label, count in labels],
            "teams": [
                team_of_target(team, secrets.get(team.id, []), users=users, hosts=members)
                for team, users, members in teams
            ],
        },
        **counts_out(counts),
        "targets_missing_in_action": counts.missing,
    }


@api.post("/targets/count", reads=True)
def count_targets() -> doors.Json:
    """How many hosts are selected."""
    authorize("read", TARGET)
    sought = parse(TargetSearch)
    visible = visible_for(sought.query_id)
    return counts_out(targets.count(db.session(), sought.selected.selection(), visible, clock.now()))


def visible_for(query_id: int | None) -> Visible:
    """The hosts that whoever asks may put this query to; none: a query of their own."""
    actor = current_actor()
    observers = queries.known(db.session(), query_id, actor).observer_can_run if query_id is not None else False
    return visible_teams(actor, observers=observers)
