import pytest

from app.namesakes import same_person, split_name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bob Smith", "Robert Smith"),
        ("Bob Smith", "Robbie Smith"),
        ("Alex Reed", "Sasha Reed"),
        ("S. Chen", "Sarah Chen"),
        ("Sarah C", "Sarah Chen"),
        ("Sarah Chen", "CHEN Sarah"),
        ("Sarah Chen", "Dr. Sarah J. Chen"),
        ("Sarah Chen", "Sarah Chen-Moss"),
        ("Sara Chen", "Sarah Chen"),
        ("Zoë Müller", "Zoe Mueller"),
        ("Ana García", "Ana Garcia Lopez"),
        ("Sarah", "Sarah Chen"),
        ("Chen", "Sarah Chen"),
        ("Sarah Chen", "\u9648\u838e\u62c9"),
    ],
)  # fmt: skip
def test_spellings_of_one_name_can_be_one_person(one: str, other: str) -> None:
    assert same_person(one, other)
    assert same_person(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Sarah Chen", "Michael Brown"),
        ("Sarah Chen", "Steven Chen"),
        ("S. Chen", "Michael Chen"),
        ("Sarah Chen", "Sarah Okafor"),
        ("Jan Smith", "Dan Smith"),
        ("Bob Smith", "Bill Smith"),
        ("Mike", "Sarah Chen"),
        ("", "Sarah Chen"),
        ("...", "..."),
    ],
)
def test_other_names_are_other_people(one: str, other: str) -> None:
    assert not same_person(one, other)
    assert not same_person(other, one)


@pytest.mark.parametrize(
    ("full", "parts"),
    [
        ("Sarah Chen", ("Sarah", "Chen")),
        ("Chen, Sarah", ("Sarah", "Chen")),
        ("Cher", ("Cher", "")),
        ("", ("", "")),
    ],
)
def test_a_name_is_parted_as_far_as_it_says(full: str, parts: tuple[str, str]) -> None:
    assert split_name(full) == parts
