"""Cells of a CSV that a spreadsheet opens."""

import csv
import io
from datetime import UTC, datetime

import pytest

from fleet.web.spreadsheets import line


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\n=1"])
def test_a_text_that_would_be_run_is_text(value: str) -> None:
    assert list(csv.reader(io.StringIO(line([value, "x"]), newline=""), strict=True)) == [["'" + value, "x"]]


def test_other_values_are_written_as_they_are() -> None:
    moment = datetime(2023, 9, 14, 10, 22, 7, tzinfo=UTC)
    assert line([None, True, False, -5, moment, 'a "b", c']) == ',true,false,-5,2023-09-14T10:22:07Z,"a ""b"", c"\n'
