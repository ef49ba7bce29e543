"""The table: rows of figures, what was to be reached, and whether it was."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

NOTE = ", "
HEAD = ("", "x callable", "x Flask", "figure", "to reach", "")


@dataclass(frozen=True, slots=True)
class Check:
    """Something to reach, and whether it was."""

    wanted: str
    reached: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; the ratios are to the two yardsticks of the same run."""

    section: str
    name: str
    figure: str
    to_callable: float | None = None
    to_flask: float | None = None
    checks: list[Check] = field(default_factory=list)
    note: str = ""

    @property
    def mark(self) -> str:
        """ok, low, or nothing where nothing is to be reached."""
        if not self.checks:
            return ""
        return "ok" if all(check.reached for check in self.checks) else "low"


def at_least(value: float, wanted: float, what: str) -> Check:
    """A ratio that must not be below."""
    return Check(f">= {wanted:.2f} {what}", value >= wanted)


def at_most(value: float, wanted: float, unit: str) -> Check:
    """A figure that must not be above."""
    return Check(f"<= {wanted:g} {unit}", value <= wanted)


def as_text(rows: Sequence[Row], machine: str) -> str:
    """The table as plain text."""
    lines = [HEAD] + [_cells(row) for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    printed = [machine, ""]
    section = None
    for row, line in zip((None, *rows), lines, strict=True):
        if row is not None and row.section != section:
            section = row.section
            printed += ["", section]
        cells = [cell.rjust(width) if 0 < i < 4 else cell.ljust(width) for i, (cell, width) in
                 enumerate(zip(line, widths, strict=True))]  # fmt: skip
        note = f"  {row.note}" if row is not None and row.note else ""
        printed.append(("  " + "  ".join(cells) + note).rstrip())
    low = [row.name for row in rows if row.mark == "low"]
    printed += ["", f"Below what is to be reached: {'; '.join(low)}." if low else "Everything is reached."]
    return "\n".join(printed)


def _cells(row: Row) -> tuple[str, ...]:
    ratios = ("" if ratio is None else f"{ratio:.2f}" for ratio in (row.to_callable, row.to_flask))
    return row.name, *ratios, row.figure, " and ".join(check.wanted for check in row.checks), row.mark


def as_json(rows: Sequence[Row], machine: str) -> str:
    """The same for a program."""
    return json.dumps(
        {
            "machine": machine,
            "rows": [
                {
                    "section": row.section, "name": row.name, "figure": row.figure, "to_callable": row.to_callable,
                    "to_flask": row.to_flask, "to_reach": [check.wanted for check in row.checks], "mark": row.mark,
                    "note": row.note,
                }
                for row in rows
            ],
        },
        indent=2,
    )  # fmt: skip
