"""`warmcall batch`: a file in, a file out, and what was said of it."""

import csv
from pathlib import Path

import pytest

from tests.surfaces import test_cli
from tests.surfaces.test_cli import Cli, is_one_line

cli = test_cli.cli

SARAH = "sarah.chen@acme.example"


def file(text: str, name: str = "in.csv") -> Path:
    path = Path(name)
    path.write_text(text, "utf-8")
    return path


def rows(name: str = "out.csv") -> list[dict[str, str]]:
    with Path(name).open(encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text))


def test_a_file_is_looked_up_without_any_server(cli: Cli) -> None:
    file(f"Deal,Mail,Note\n1,{SARAH},=SUM(A1)\n2,notfound@acme.example,x\n3,,y\n")
    said = cli("batch", "in.csv", "out.csv")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        "3 rows, 1 matched (33.3 %).",
        "1 of 1 addresses are verified (100.0 %).",
        "sandbox: asked about 2 rows, knew 1 (50.0 %).",
        "1 rows were not asked for: invalid_prospect.",
        "4 credits.",
        "Written: out.csv",
    ]
    told = rows()
    assert list(told[0])[:4] == ["Deal", "Mail", "Note", "warmcall_status"]
    assert [row["warmcall_status"] for row in told] == [
        "complete",
        "not_found",
        "invalid_prospect",
    ]
    assert told[0]["warmcall_full_name"] == "Sarah Chen"
    assert told[0]["Note"] == "'=SUM(A1)"


def test_a_second_run_comes_from_the_cache_and_costs_nothing(cli: Cli) -> None:
    file(f"email\n{SARAH}\n")
    cli("batch", "in.csv", "out.csv")
    assert "\n0 credits." in cli("batch", "in.csv", "again.csv").out
    assert rows("again.csv") == rows()


def test_what_came_out_can_go_in_again(cli: Cli) -> None:
    file(f"email;name\n{SARAH};Sarah\n")
    cli("batch", "in.csv", "out.csv")
    said = cli("batch", "out.csv", "again.csv")
    assert said.code == 0
    assert Path("again.csv").read_text() == Path("out.csv").read_text()


def test_the_column_that_is_named_wins(cli: Cli) -> None:
    file(f"email,who\nmarcus.webb@acme.example,{SARAH}\n")
    cli("batch", "in.csv", "out.csv", "--column", "Who")
    assert rows()[0]["warmcall_full_name"] == "Sarah Chen"


def test_no_more_is_spent_than_allowed(cli: Cli) -> None:
    mails = "\n".join(f"p{number}@firm{number}.example" for number in range(5))
    file(f"email\n{mails}\n")
    said = cli("batch", "in.csv", "out.csv", "--max-credits", "6")
    assert "6 of 6 credits." in said.out
    spent_out = [row["warmcall_status"] for row in rows()].count("budget_exhausted")
    assert spent_out == 3


def test_nobody_found_is_told_by_the_exit_code(cli: Cli) -> None:
    file("email\nnotfound@acme.example\n")
    said = cli("batch", "in.csv", "out.csv")
    assert said.code == 3
    assert rows()[0]["warmcall_status"] == "not_found"


def test_a_file_of_windows_is_read_and_the_user_is_told(cli: Cli) -> None:
    Path("in.csv").write_bytes(f"Name;E-Mail\r\nZoë;{SARAH}\r\n".encode("cp1252"))
    said = cli("batch", "in.csv", "out.csv")
    assert said.code == 0
    assert "Windows-1252" in said.err
    assert is_one_line(said.err)
    assert Path("out.csv").read_text().splitlines()[1].startswith(f"Zoë;{SARAH};complete;")


@pytest.mark.parametrize(
    ("text", "args", "code"),
    [
        ("email\nx@acme.example\n", ["in.csv"], 2),
        ("email\nx@acme.example\n", ["in.csv", "in.csv"], 2),
        ("email\nx@acme.example\n", ["in.csv", "no/such/folder.csv"], 2),
        ("email\nx@acme.example\n", ["in.csv", "out.csv", "--column", "phone"], 2),
        ("email\nx@acme.example\n", ["in.csv", "out.csv", "--max-credits", "-1"], 2),
        ("email\nx@acme.example\n", ["in.csv", "out.csv", "--resume", "batch_x"], 2),
        ("email\nx@acme.example\n", ["out.csv", "--resume", "batch_x"], 1),
        ("email\nx@acme.example\n", ["missing.csv", "out.csv"], 1),
        ("colour\nred\n", ["in.csv", "out.csv"], 2),
        ("", ["in.csv", "out.csv"], 2),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_writes_nothing(
    cli: Cli, text: str, args: list[str], code: int
) -> None:
    file(text)
    said = cli("batch", *args)
    assert said.code == code
    assert said.out == ""
    assert is_one_line(said.err), said.err
    assert [one.name for one in Path().iterdir() if "out.csv" in one.name] == []
