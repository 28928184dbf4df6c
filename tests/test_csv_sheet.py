"""A CSV file that is read: which columns say who is meant, and what is refused in plain words."""

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import sheet
from app.errors import InvalidRequest

JANE = "jane@acme.example"


def keys(text: str | bytes, **options: str) -> list[str | None]:
    """Read a file; return whom its rows name, or why nobody."""
    raw = text.encode() if isinstance(text, str) else text
    read = sheet.read(raw, **options)  # type: ignore[arg-type] # only `column`
    return [line.prospect.key if line.prospect else line.problem for line in read.lines]


PROFILE = "https://www.linkedin.com/in/jane-roe-example"
MAILS = (
    *("email", "E-mail", "EMAIL", "Work Email", "work_email", "Email Address", "e mail", "Mail"),
    *("  Email  ", "Business E-Mail", "contact email", "Personal Email"),
)
SITES = ("domain", "Website", "Company Website", "company_domain", "Company URL", "URL")
PROFILES = ("LinkedIn", "LinkedIn URL", "linkedin_profile", "Person Linkedin Url")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, JANE) for name in MAILS),
        *((name, "acme.example") for name in SITES),
        *((name, PROFILE) for name in PROFILES),
    ],
)
def test_a_column_is_known_by_its_name(name: str, value: str) -> None:
    kinds = {JANE: "email", PROFILE: "linkedin"}
    assert str(keys(f"Note,{name}\nhello,{value}\n")[0]).startswith(kinds.get(value, "domain"))


@pytest.mark.parametrize(
    ("header", "row", "key"),
    [
        ("Name,Company", "Jane Roe,Acme Corp", "name:jane roe|acme corp"),
        (
            "First Name,Last Name,Website",
            "Jane,Roe,https://acme.example/x",
            "name:jane roe@acme.example",
        ),
        ("first,last,organisation", "Jane,Roe,Acme Corp", "name:jane roe|acme corp"),
        ("Full Name,Email,Company", f"Jane Roe,{JANE},Acme", "email:jane@acme.example"),
        ("Personal Email,Work Email", f"jane@home.example,{JANE}", "email:jane@acme.example"),
        ("Email,Website", ",acme.example", "domain:acme.example"),
        ("Email,Website", f"{JANE},n/a", "email:jane@acme.example"),
        ("Email,Website", "n/a,acme.example", "domain:acme.example"),
        ("Email,Name,Company", "-,Jane Roe,Acme Corp", "name:jane roe|acme corp"),
        ("Email,Website", "n/a,none", "invalid_prospect"),
        ("Email,Website", "x@mailinator.com,", "disposable_address"),
    ],
)
def test_a_row_is_whoever_its_best_readable_cells_name(header: str, row: str, key: str) -> None:
    assert keys(f"{header}\n{row}\n{padded(header)}\n")[0] == key


def padded(header: str) -> str:
    """Return one more row, that names somebody: a file in which nobody is named is refused."""
    known = {"company": "Acme Corp", "organisation": "Acme Corp", "website": "acme.example"}
    names = [name.lower() for name in header.split(",")]
    return ",".join(known.get(name, JANE if "mail" in name else "Jane") for name in names)


def test_the_column_that_is_named_wins_whatever_it_holds() -> None:
    text = f'Email,Who\njoe@acme.example,{JANE}\nx,acme.example\ny,"Jane Roe, Acme Corp"\n'
    assert keys(text, column="who") == [
        "email:jane@acme.example",
        "domain:acme.example",
        "name:jane roe|acme corp",
    ]


def test_a_column_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(InvalidRequest, match='"Deal", "Mail"') as refused:
        sheet.read(f"Deal,Mail\n1,{JANE}\n".encode(), column="Phone")
    assert [one.name for one in refused.value.fields] == ["column"]


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_cells_may_be_parted_by_any_usual_sign(sign: str) -> None:
    text = f'Deal{sign}Email{sign}Note\r\n1{sign}{JANE}{sign}"a{sign}b ""c""\r\nd"\r\n'
    read = sheet.read(text.encode())
    assert (read.delimiter, read.columns) == (sign, ("Deal", "Email", "Note"))
    assert read.lines[0].cells == ("1", JANE, f'a{sign}b "c"\r\nd')


@pytest.mark.parametrize(
    ("raw", "has_bom", "notes"),
    [
        (f"Zoë,Email\n,{JANE}\n".encode(), False, ()),
        (f"Zoë,Email\n,{JANE}\n".encode("utf-8-sig"), True, ()),
        (f"Zoë,Email\n,{JANE}\n".encode("cp1252"), False, (sheet.CP1252,)),
        (f"Zoë,Email\n,{JANE}\n".encode("utf-16"), False, ()),
        (f"sep=,\r\nZoë,Email\r\n,{JANE}\r\n".encode(), False, ()),
    ],
    ids=["utf-8", "with a BOM", "cp1252", "utf-16", "with Excel's line"],
)
def test_a_file_is_read_in_the_writing_it_is_in(
    raw: bytes, has_bom: bool, notes: tuple[str, ...]
) -> None:
    read = sheet.read(raw)
    assert (read.columns[0], read.has_bom, read.notes) == ("Zoë", has_bom, notes)


def test_a_file_without_a_header_is_known_by_what_it_holds() -> None:
    read = sheet.read(f"Jane,{JANE},acme.example\nJoe,joe@acme.example,acme.example\n".encode())
    assert read.columns == ("column 1", "column 2", "column 3")
    assert read.notes == (sheet.UNNAMED,)
    assert [line.prospect.key for line in read.lines if line.prospect] == [
        "email:jane@acme.example",
        "email:joe@acme.example",
    ]


def test_rows_that_are_blank_or_short_or_end_in_empty_cells_are_fine() -> None:
    read = sheet.read(f"Email,Note,More\n\n{JANE}\n,,\n{JANE},x,y,,\n".encode())
    assert [line.cells for line in read.lines] == [(JANE, "", ""), (JANE, "x", "y")]


def test_columns_of_ours_are_dropped_from_a_file_that_was_here_before() -> None:
    read = sheet.read(f"warmcall_status,Email,warmcall_email\ncomplete,{JANE},{JANE}\n".encode())
    assert (read.columns, read.lines[0].cells) == (("Email",), (JANE,))


@pytest.mark.parametrize(
    ("raw", "name", "told"),
    [
        (b"", "file", "empty"),
        (b"\n\n , \n", "file", "empty"),
        (b"Email\n", "file", "No row names anybody"),
        (b"Email\nx\ny\n", "file", "No row names anybody"),
        (b"Colour,Size\nred,4\n", "column", "No column says who is meant"),
        (b"Name,Size\nJane,4\n", "column", "No column says who is meant"),
        (b"PK\x03\x04" + b"x" * 100, "file", "workbook"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 100, "file", "workbook"),
        (b"Email\n\x81\x8d\x8f\n", "file", "neither UTF-8 nor Windows-1252"),
        (f'Email\n"{JANE}\n'.encode(), "file", "Row 2 is not CSV"),
        (f"Email\n{JANE},1\n{JANE}\n{JANE},2\n".encode(), "row 1", "more cells than the header"),
        (b"Email\n" + b"x" * 200_000, "file", "Row 2 is not CSV"),
        (b"Email" + b",x" * 400 + b"\n", "file", "300 columns"),
        (b"Email\n" + f"{JANE}\n".encode() * 10_001, "file", "10,000 rows"),
        (b"Email\n" + b"x" * 10_000_000, "file", "10 MB"),
    ],
    ids=range(15),
)
def test_what_cannot_be_read_is_refused_in_plain_words(raw: bytes, name: str, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told) as refused:
        sheet.read(raw)
    assert refused.value.fields[0].name == name


def test_no_person_is_named_in_what_is_shown_of_a_sheet() -> None:
    assert "jane" not in repr(sheet.read(f"Email\n{JANE}\n".encode()))


LONG = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@LONG
@given(st.binary(max_size=300))
def test_whatever_bytes_come_are_read_or_refused(raw: bytes) -> None:
    read = None
    with suppress(InvalidRequest):
        read = sheet.read(raw)
    assert read is None or all(len(line.cells) == len(read.columns) for line in read.lines)


CELL = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from(",;\t\"'\n"), max_size=9
)


@LONG
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5), st.sampled_from(",;\t"))
def test_what_a_writer_of_csv_writes_is_read_as_it_was(
    cells: list[tuple[str, str]], sign: str
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=sign)
    writer.writerows([("Email", "One", "Two"), *((JANE, one, two) for one, two in cells)])
    read = sheet.read(out.getvalue().encode())
    assert [line.cells[1:] for line in read.lines] == cells
