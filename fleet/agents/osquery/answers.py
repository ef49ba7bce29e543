"""distributed/write: what a host answered, told apart by family."""

import logging
from dataclasses import dataclass, field
from typing import NamedTuple

from fleet.agents import wire
from fleet.agents.osquery import detail_queries
from fleet.agents.osquery.detail_queries import Write
from fleet.agents.osquery.distributed import ADDITIONAL, DETAIL, LABEL, LIVE
from fleet.agents.wire import Fields
from fleet.app_config.schemas import Features
from fleet.hosts.ingest import Columns, Rows

log = logging.getLogger("fleet.agents")

LONGEST_ID = 18
FAILED = 1
DENYLISTED = "distributed query is denylisted"
NO_TABLE = "no such table: "


class Answer(NamedTuple):
    """What a host answered to one query."""

    rows: Rows
    failed: bool
    message: str


class LiveAnswer(NamedTuple):
    """What a host answered to one live query."""

    campaign_id: int
    rows: Rows
    message: str


@dataclass(slots=True)
class Report:
    """All answers of one write, ready to be stored."""

    columns: Columns = field(default_factory=dict)
    detailed: bool = False
    """Whether the host answered a query about its own row, even with nothing usable."""
    elsewhere: list[tuple[str, Write, Rows]] = field(default_factory=list)
    labels: dict[int, bool] = field(default_factory=dict)
    additional: dict[str, Rows] = field(default_factory=dict)
    live: list[LiveAnswer] = field(default_factory=list)

    @property
    def stored(self) -> bool:
        """Whether anything in it goes to the database."""
        return bool(self.detailed or self.elsewhere or self.labels or self.additional)


def read(fields: Fields) -> dict[str, Answer]:
    """The answers of a body by the name of their query. A status that makes no sense counts as a failure."""
    queries = wire.mapping(fields, "queries")
    statuses = wire.mapping(fields, "statuses")
    messages = wire.mapping(fields, "messages")
    if not all(isinstance(message, str | None) for message in messages.values()):
        raise wire.undecodable()
    return {
        name: Answer(wire.rows(value), _status(statuses.get(name, 0)) != 0, messages.get(name) or "")
        for name, value in queries.items()
    }


def sort(answers: dict[str, Answer], features: Features, address: str) -> Report:
    """Answers as a report: details in the order of their table, os_version first, then the rest."""
    report = Report()
    for name, query in detail_queries.asked(features).items():
        answer = answers.get(DETAIL + name)
        if answer is None or answer.failed:
            continue
        if query.to_columns is not None:
            report.detailed = True
            report.columns |= query.to_columns(answer.rows, address)
        if query.write is not None:
            report.elsewhere.append((name, query.write, answer.rows))
    for name, answer in answers.items():
        _mention(name, answer)
        if name.startswith(LABEL):
            label_id = _id(name, LABEL)
            if label_id is not None:
                report.labels[label_id] = bool(answer.rows) and not answer.failed
        elif name.startswith(LIVE):
            campaign_id = _id(name, LIVE)
            if campaign_id is not None:
                report.live.append(LiveAnswer(campaign_id, answer.rows, answer.message))
        elif name.startswith(ADDITIONAL):
            asked = name.removeprefix(ADDITIONAL)
            if asked in (features.additional_queries or {}) and not answer.failed:
                report.additional[asked] = answer.rows
    return report


def _status(value: object) -> int:
    if isinstance(value, str):
        return int(value) if value.isascii() and value.removeprefix("-").isdigit() and len(value) < 20 else FAILED
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else FAILED


def _id(name: str, prefix: str) -> int | None:
    number = name.removeprefix(prefix)
    if number.isascii() and number.isdigit() and len(number) <= LONGEST_ID:
        return int(number)
    log.debug("an answer to no query of ours: %s", name[:200])
    return None


def _mention(name: str, answer: Answer) -> None:
    if not answer.failed or not answer.message or answer.message.startswith(NO_TABLE):
        return
    level = logging.ERROR if answer.message == DENYLISTED else logging.DEBUG
    log.log(level, "query failed on a host: %s: %s", name[:200], answer.message[:500])
