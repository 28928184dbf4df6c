"""The file that comes back: the columns that were given, ours behind them, and no formula."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.intake import BatchRow, RunView
from app.results import COLUMNS, FORMULA, lines
from tests.surfaces.views import CARDS, view

BASE = "https://warmcall.example"


def run(columns: tuple[str, ...] = ("Email",), **changes: Any) -> RunView:
    given: dict[str, Any] = {
        "state": "ended",
        "version": 1,
        "mailboxes": 0,
        "verified": 0,
        "again": 0,
        "gained": 0,
        "providers": (),
        "problems": {},
        "columns": columns,
        "delimiter": ",",
        "has_bom": False,
        "notes": (),
        "max_credits": None,
        "finished_at": None,
        "file_token": "",
    }
    return RunView(**{**given, **changes})


def read(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


@pytest.mark.parametrize("name", sorted(CARDS))
def test_every_card_fits_into_one_row(name: str) -> None:
    rows = [BatchRow(0, view(name), cells=("jane@acme.example",))]
    header, row = read("".join(lines(run(), rows, BASE)))
    assert header == ["Email", *COLUMNS]
    assert len(row) == len(header)
    assert not [cell for cell in row if cell.startswith(FORMULA)]


def test_a_full_card_gives_its_columns() -> None:
    rows = [BatchRow(0, view("full"), cells=("jane@acme.example",))]
    header, row = read("".join(lines(run(), rows, BASE)))
    told = dict(zip(header, row, strict=True))
    card: Any = view("full").card
    assert told["warmcall_full_name"] == card["person"]["full_name"]
    assert told["warmcall_company"] == card["company"]["name"]
    assert told["warmcall_technologies"] == "; ".join(card["company"]["technologies"])
    assert 0 < float(told["warmcall_confidence"]) <= 1
    assert told["warmcall_sources"]
    assert told["warmcall_card"].startswith(f"{BASE}/card/")


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "=cmd|' /C calc'!A0"],
)
def test_no_cell_is_a_formula(cell: str) -> None:
    rows = [BatchRow(0, None, "invalid_prospect", cells=(cell, "x"))]
    header, row = read("".join(lines(run(("=A1", "Note")), rows, BASE)))
    assert header[0] == "'=A1"
    assert row[0] == f"'{cell}"
    assert row[1] == "x"


def test_a_row_without_a_card_says_why() -> None:
    rows = [BatchRow(0, None, "quota_exceeded", cells=("a",)), BatchRow(1, None, cells=())]
    _, refused, waiting = read("".join(lines(run(), rows, BASE)))
    assert refused[:3] == ["a", "quota_exceeded", ""]
    assert waiting[:3] == ["", "waiting", ""]


def test_a_file_is_written_as_it_was_given() -> None:
    rows = [BatchRow(0, None, "erased", cells=("a;b",))]
    text = "".join(lines(run(delimiter=";", has_bom=True), rows, BASE))
    assert text.startswith("\ufeffEmail;warmcall_status;")
    assert '\r\n"a;b";erased;' in text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), min_size=1))
def test_every_cell_that_was_given_comes_back(cells: list[str]) -> None:
    columns = tuple(f"c{number}" for number in range(len(cells)))
    rows = [BatchRow(0, None, "erased", cells=tuple(cells))]
    _, row = read("".join(lines(run(columns), rows, BASE)))
    told = [cell.removeprefix("'") if cell[1:].startswith(FORMULA) else cell for cell in row]
    assert told[: len(cells)] == cells
