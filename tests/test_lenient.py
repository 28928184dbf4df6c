"""A bad value of an outsider is nothing; a good one is clean."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import lenient

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
READERS: list[Callable[[object], object]] = [
    lenient.text,
    lenient.number,
    lenient.count,
    lenient.whole,
    lenient.year,
    lenient.day,
    lenient.size_range,
    lenient.address,
    lenient.phone,
    lenient.domain,
    lenient.profile_url,
    lenient.page_url,
]
JUNK = [None, True, False, {}, [], "", "  ", "null", "None", "N/A", "-", b"x", {"a": 1}, ["x"]]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_junk_is_nothing(read: Callable[[object], object], junk: object) -> None:
    assert read(junk) is None


@pytest.mark.parametrize(
    ("read", "value", "clean"),
    [
        (lenient.text, "  two\n words ", "two words"),
        (lenient.text, 1984, "1984"),
        (lenient.text, 0, None),
        (lenient.text, "False", "False"),
        (lenient.number, "0", 0.0),
        (lenient.number, -1, None),
        (lenient.number, "nan", None),
        (lenient.number, "1e999", None),
        (lenient.number, "9" * 400, None),
        (lenient.number, 10**400, None),
        (lenient.count, 0, 0),
        (lenient.count, 1e300, None),
        (lenient.whole, "1,430", 1430),
        (lenient.whole, 143.0, 143),
        (lenient.whole, 1.5, None),
        (lenient.whole, 0, None),
        (lenient.year, "2011", 2011),
        (lenient.year, 20111, None),
        (lenient.day, "2025-03-14T10:00:00Z", "2025-03-14"),
        (lenient.day, "2025-03", "2025-03"),
        (lenient.day, "14/03/2025", None),
        (lenient.size_range, "51\u2013200", "51-200"),
        (lenient.size_range, "many", None),
        (lenient.address, " Mira.Quint@Example.COM ", "mira.quint@example.com"),
        (lenient.address, "mira.quint", None),
        (lenient.address, "a@b@example.com", None),
        (lenient.phone, "+1 202-555-0142", "+12025550142"),
        (lenient.phone, "202-555-0142", None),
        (lenient.phone, "+1 202 CALL", None),
        (lenient.domain, "https://www.example.co.uk/a?b", "example.co.uk"),
        (lenient.domain, "mira@example.com", "example.com"),
        (lenient.domain, "192.0.2.7", None),
        (lenient.domain, "http://[junk", None),
        (lenient.profile_url, "linkedin.com/in/Mira-Q", "https://www.linkedin.com/in/mira-q"),
        (lenient.profile_url, "https://x.example/?u=linkedin.com/in/mira", None),
        (lenient.profile_url, "linkedin.com/company/quint", None),
        (lenient.profile_url, "linkedin.com:[/in/mira", "https://www.linkedin.com/in/mira"),
        (lenient.page_url, "linkedin.com/company/Quint", "https://www.linkedin.com/company/quint"),
        (lenient.page_url, "linkedin.com/in/mira", None),
    ],
)
def test_a_value_is_read_as_it_is_meant(
    read: Callable[[object], object], value: object, clean: object
) -> None:
    assert read(value) == clean


@given(st.one_of(st.text(), st.floats(), st.integers(), st.binary(), st.lists(st.text())))
def test_nothing_breaks_a_reader(value: object) -> None:
    for read in READERS:
        assert read(value) not in ("", [], {})


@given(st.text())
def test_nothing_breaks_a_time(value: str) -> None:
    for moment in (
        lenient.instant(value),
        lenient.unix(value),
        lenient.retry_after(value, NOW),
    ):
        assert moment is None or moment.tzinfo is not None


def test_times_come_in_four_forms() -> None:
    then = datetime(2026, 11, 21, 9, 31, tzinfo=UTC)
    assert lenient.instant("2026-11-21T09:31:00Z") == then
    assert lenient.instant("2026-11-21T10:31:00+01:00") == then
    assert lenient.instant("2026-11-21T09:31:00") == then
    assert lenient.unix(str(int(then.timestamp()))) == then
    assert lenient.retry_after("60", NOW) == then
    assert lenient.retry_after("Sat, 21 Nov 2026 09:31:00 GMT", NOW) == then
    assert lenient.retry_after("Sat, 21 Nov 2026 09:31:00 -0000", NOW) == then
    assert lenient.retry_after(None, NOW) is None


def test_lists_and_objects_lose_only_what_does_not_belong() -> None:
    assert lenient.parts([{"a": 1}, "junk", None]) == [{"a": 1}]
    assert lenient.parts("junk") == []
    assert lenient.texts(["a", None, "", 7, {}]) == ["a", "7"]
    assert lenient.part("junk") == {}
    assert lenient.listed("junk") == "junk"
    assert lenient.joined("Graz", None, "", "Austria") == "Graz, Austria"
    assert lenient.joined(None) is None
