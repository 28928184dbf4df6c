"""Names in front of the @."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.local_parts import Guess, fit, guess, name_in_slug, same_name


@pytest.mark.parametrize(
    ("local", "wanted"),
    [
        ("sarah.chen", Guess(0.55, "Sarah", "Chen", "Sarah Chen")),
        ("Sarah_Chen+crm", Guess(0.55, "Sarah", "Chen", "Sarah Chen")),
        ("sarah.chen.ext", Guess(0.55, "Sarah", "Chen", "Sarah Chen")),
        ("jean-luc.mei", Guess(0.55, "Jean-Luc", "Mei", "Jean-Luc Mei")),
        ("ronald.mcdonald", Guess(0.55, "Ronald", "Mcdonald", "Ronald Mcdonald")),
        ("dev.patel", Guess(0.55, "Dev", "Patel", "Dev Patel")),
        ("ana.van.der.berg", Guess(0.5, "Ana", "van der Berg", "Ana van der Berg")),
        ("john.m.smith", Guess(0.5, "John", "Smith", "John Smith")),
        ("maria.garcia.lopez", Guess(0.4, "Maria", None, "Maria Garcia Lopez")),
        ("sarah-chen", Guess(0.4, "Sarah", "Chen", "Sarah Chen")),
        ("s.chen", Guess(0.35, None, "Chen")),
        ("sarah.c", Guess(0.35, "Sarah")),
        ("sarah", Guess(0.25, "Sarah")),
        *[
            (local, None)
            for local in (
                *("schen", "sc", "sch", "s.c", "j.ng", "tom", "sarah.chen2", "x7f3q", "12345"),
                *("chen.s", "info", "sales.team", "anna.sales", "sarah..chen", "a.b.c.d", ""),
                *("van.der.berg", "one-two-three", "sarah@chen", "sarah chen"),
            )
        ],
    ],
)
def test_a_local_part_tells_only_what_it_shows(local: str, wanted: Guess | None) -> None:
    assert guess(local) == wanted


@settings(derandomize=True, deadline=None)
@given(st.text(max_size=64), st.text(max_size=40))
def test_no_local_part_and_no_name_breaks_it(local: str, name: str) -> None:
    found = guess(local)
    assert found is None or found.confidence <= 0.55
    assert fit(local, name) is None or name.strip()
    assert same_name(name, name) == 1


@pytest.mark.parametrize(
    ("name", "locals_by_confidence"),
    [
        (
            "Sarah Chen",
            {
                0.92: "sarah.chen sarahchen sarah_chen sarah-chen chen.sarah "
                "SARAH.CHEN sarah.chen+x",
                0.75: "schen s.chen sarahc sarah.c chens chen.s",
                0.5: "sarah chen",
                0.35: "sc s.c",
                0: "sarah.chen2 sarah.jones chan.sarah info",
            },
        ),
        (
            "Dr. J\u00fcrgen M\u00fcller-S\u00f8rensen PhD",
            {
                0.92: "juergen.mueller-soerensen jurgen.muller-sorensen juergen.mueller "
                "jurgen.sorensen j\u00fcrgen.m\u00fcller",
                0.75: "jmueller j.muellersoerensen",
            },
        ),
        (
            "Jean-Luc de la Tour",
            {
                0.92: "jean-luc.delatour jeanluc.tour jean.tour jeanluc.de.la.tour",
                0.75: "jltour jtour",
            },
        ),
        (
            "Mar\u00eda Garc\u00eda L\u00f3pez",
            {
                0.92: "maria.lopez maria.garcia.lopez maria.g.lopez",
                0.75: "maria.garcia mlopez mg.lopez",
            },
        ),
        ('Robert "Bo" Smith', {0.92: "bo.smith robert.smith bob.smith rob.smith", 0.5: "bob"}),
        ("Bob Smith", {0.92: "robert.smith", 0.75: "bsmith", 0.5: "rsmith robert", 0.35: "rs bs"}),
        ("Pat O\u2019Brien", {0.92: "pat.obrien pat.o'brien patrick.obrien", 0.75: "pobrien"}),
        ("\u0141ukasz W\u00f3jcik", {0.92: "lukasz.wojcik"}),
        ("\u738b\u4f1f", {0: "wang wei"}),
        ("Sarah", {0: "sarah s"}),
    ],
)
def test_a_name_is_found_in_the_ways_it_is_written(
    name: str, locals_by_confidence: dict[float, str]
) -> None:
    for confidence, locals_ in locals_by_confidence.items():
        for local in locals_.split():
            found = fit(local, name)
            assert (found.confidence if found else 0) == confidence, local


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Sarah Chen", "SARAH CHEN", 1),
        ("Sarah Chen", "Dr. Sarah L. Chen", 1),
        ("S\u00f8ren M\u00fcller", "Soeren Mueller", 1),
        ("Liz Taylor", "Elizabeth Taylor", 0.85),
        ("Bob Smith", "Rob Smith", 0.85),
        ("Sarah Chen", "Sarah Chan", 0),
        ("Sarah Chen", "Sam Chen", 0),
        ("\u738b \u4f1f", "\u674e \u660e", 0),
        ("\u738b \u4f1f", "\u738b \u4f1f", 1),
    ],
)
def test_names_are_alike_by_spelling_or_by_short_form(one: str, other: str, alike: float) -> None:
    assert same_name(one, other) == same_name(other, one) == alike


@pytest.mark.parametrize(
    ("slug", "full"),
    [
        ("sarah-chen", "Sarah Chen"),
        ("sarah-chen-1a2b3c4", "Sarah Chen"),
        ("maria-garcia-lopez", "Maria Garcia Lopez"),
        ("sarahchen", None),
        ("s-chen", None),
        ("ACoAAB12", None),
    ],
)
def test_a_profile_slug_may_show_a_name(slug: str, full: str | None) -> None:
    found = name_in_slug(slug)
    assert (found.full if found else None) == full
