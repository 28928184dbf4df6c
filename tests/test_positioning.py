from pathlib import Path

import pytest

from app.errors import BadSettings
from app.positioning import Positioning, When
from app.rules import Kind
from app.standing import SENIORITIES

EXAMPLE = Path(__file__).parents[1] / "app" / "positioning.example.toml"

WHOLE = """
[seller]
name = "Brightline"
[[value_points]]
name = "Sync"
text = "Notes write themselves."
when = { functions = ["sales"], seniorities = ["vp"] }
[[competitors]]
name = "Echo"
angle = "Ask about coaching."
"""


def test_the_example_that_we_ship_is_readable_and_uses_every_table() -> None:
    example = Positioning.parse(EXAMPLE.read_text("utf-8"))
    assert example.seller.offer
    assert example.value_points
    assert example.competitors


def test_what_is_written_is_what_is_read() -> None:
    found = Positioning.parse(WHOLE)
    assert found.seller.name == "Brightline"
    assert found.value_points[0].when == When(functions=("sales",), seniorities=("vp",))
    assert found.competitors[0].angle == "Ask about coaching."


def test_the_seller_alone_is_enough() -> None:
    assert Positioning.parse('[seller]\nname = "Brightline"').value_points == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seller = ", "not TOML"),
        ("", "`seller` is missing"),
        (WHOLE.replace("Brightline", ""), "`seller.name` is empty"),
        (WHOLE.replace("functions", "functons"), "`value_points[1].when.functons` is not a known"),
        (WHOLE.replace('["sales"]', '"sales"'), "`value_points[1].when.functions` must be a list"),
        (WHOLE.replace('"vp"', '"boss"'), "`value_points[1].when.seniorities[1]`"),
        (WHOLE.replace('"Notes write themselves."', "7"), "`value_points[1].text` must be text"),
        (WHOLE.replace('angle = "Ask about coaching."', ""), "`competitors[1].angle` is missing"),
        (WHOLE.replace('functions = ["sales"], seniorities = ["vp"]', ""), "has no condition"),
    ],
)
def test_a_bad_key_is_named_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(BadSettings) as told:
        Positioning.parse(text)
    assert said in str(told.value)
    assert "\n" not in str(told.value).strip()


def test_all_bad_keys_are_named_at_once() -> None:
    text = WHOLE.replace("Brightline", "").replace("functions", "functons")
    with pytest.raises(BadSettings, match=r"seller\.name.*functons"):
        Positioning.parse(text)


@pytest.mark.parametrize("word", SENIORITIES)
def test_every_seniority_can_be_a_condition(word: str) -> None:
    assert Positioning.parse(WHOLE.replace('"vp"', f'"{word}"')).value_points


def test_the_kinds_of_a_point_are_those_of_the_contract() -> None:
    assert [kind.value for kind in Kind] == ["opener", "point", "question", "avoid"]
