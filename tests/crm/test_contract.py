"""The promises of every CRM adapter (app/crm.py), each on a stand-in for its CRM."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, TypeVar

import pytest

from app.crm import BREAKING, Kind, Note, Ref, Steps
from app.errors import DeliveryFailed, DeliveryPutOff
from tests.crm.rigs import RIGS, Rig
from tests.fakes.clock import Clock

T = TypeVar("T")

JANE = "jane.roe@initech.example"


@pytest.fixture(params=sorted(RIGS))
def rig(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Rig]:
    made = RIGS[request.param](clock)
    yield made
    getattr(made, "close", lambda: None)()


def ask(rig: Rig, steps: Steps[T]) -> T:
    """Hold a conversation with the stand-in."""

    async def held() -> T:
        answer: Any = None
        while True:
            try:
                request = steps.send(answer)
            except StopIteration as done:
                result: T = done.value
                return result
            answer = await rig.call(request)

    return asyncio.run(held())


def person(rig: Rig, email: str = JANE) -> Ref:
    return Ref("one", Kind.person, rig.person(email))


def company(rig: Rig, domain: str = "initech.example") -> Ref:
    return Ref("one", Kind.company, rig.company(domain))


def note(clock: Clock, mark: str = "warmcall-job_1", *, may_be_there: bool = False) -> Note:
    return Note(mark, f"<p>Ref: {mark}</p>", f"Ref: {mark}", clock(), may_be_there)


def test_a_record_is_fetched_with_the_properties_that_have_a_value(rig: Rig) -> None:
    ref = person(rig)
    rig.types(ref.id, "Chief")
    found = ask(rig, rig.adapter.fetch(ref, [rig.text, rig.strange]))
    assert found is not None
    assert (found.ref, found.email, dict(found.values)) == (ref, JANE, {rig.text: "Chief"})
    assert rig.text not in found.ours


def test_a_record_that_is_not_there_is_none(rig: Rig) -> None:
    ref = person(rig)
    rig.remove(ref.id)
    assert ask(rig, rig.adapter.fetch(ref, [rig.text])) is None


def test_a_person_is_found_by_address_and_a_company_by_domain(rig: Rig) -> None:
    ref, firm = person(rig), company(rig)
    assert ask(rig, rig.adapter.find("one", Kind.person, JANE)) == ref
    assert ask(rig, rig.adapter.find("one", Kind.company, "initech.example")) in {firm, None}
    assert ask(rig, rig.adapter.find("one", Kind.person, "bob@initech.example")) is None


def test_what_is_written_is_there(rig: Rig) -> None:
    ref = person(rig)
    told = ask(rig, rig.adapter.write(ref, {rig.text: "Head of Sales"}))
    assert told.written == {rig.text}
    assert not told.refused
    assert rig.value(ref.id) == "Head of Sales"


def test_an_empty_text_clears_a_property(rig: Rig) -> None:
    ref = person(rig)
    rig.types(ref.id, "Chief")
    ask(rig, rig.adapter.write(ref, {rig.text: ""}))
    assert rig.value(ref.id) == ""


def test_a_refused_property_does_not_cost_the_others(rig: Rig) -> None:
    ref = person(rig)
    told = ask(rig, rig.adapter.write(ref, {rig.text: "Head of Sales", rig.strange: "x"}))
    assert told.written == {rig.text}
    assert set(told.refused) == {rig.strange}
    assert all(told.refused.values())
    assert rig.value(ref.id) == "Head of Sales"


def test_the_usual_properties_are_defined(rig: Rig) -> None:
    for kind in Kind:
        defined = ask(rig, rig.adapter.properties(kind))
        assert defined
        assert {name for name, one in defined.items() if one.name != name} == set()
    assert rig.text in ask(rig, rig.adapter.properties(Kind.person))


def test_a_value_that_is_no_option_is_not_translated(rig: Rig) -> None:
    for kind in Kind:
        for prop in ask(rig, rig.adapter.properties(kind)).values():
            if prop.type == "choice" and prop.options:
                value, label = next(iter(prop.options.items()))
                assert rig.adapter.translate(prop, "no such thing") is None
                assert rig.adapter.translate(prop, value) == value
                assert rig.adapter.translate(prop, label) in prop.options
            if prop.type == "number":
                assert rig.adapter.translate(prop, "many") is None


def test_a_person_is_tied_to_a_company_and_that_twice_does_no_harm(rig: Rig) -> None:
    ref, firm = person(rig), company(rig)
    for _ in range(2):
        ask(rig, rig.adapter.associate(ref, firm))
    assert rig.belongs_to(ref.id) == firm.id
    found = ask(rig, rig.adapter.fetch(ref, []))
    assert found is not None
    assert found.company == firm


def test_a_note_is_made_once_and_changed_after_that(rig: Rig, clock: Clock) -> None:
    ref, firm = person(rig), company(rig)
    note_id = ask(rig, rig.adapter.note([ref, firm], note(clock), ""))
    again = ask(rig, rig.adapter.note([ref, firm], note(clock, "warmcall-job_2"), note_id))
    assert again == note_id
    [text] = rig.notes()
    assert "warmcall-job_2" in text


def test_a_note_whose_answer_was_lost_is_not_made_again(rig: Rig, clock: Clock) -> None:
    ref = person(rig)
    rig.loses_the_next_note()
    with suppress(DeliveryFailed):  # or it looks for the note at once
        ask(rig, rig.adapter.note([ref], note(clock), ""))
    ask(rig, rig.adapter.note([ref], note(clock, may_be_there=True), ""))
    assert len(rig.notes()) == 1


def test_a_limit_puts_off(rig: Rig) -> None:
    ref = person(rig)
    rig.refuses_the_next()
    with pytest.raises(DeliveryPutOff) as told:
        ask(rig, rig.adapter.fetch(ref, [rig.text]))
    assert told.value.wait_s > 0


def test_who_is_not_let_in_is_told_so_by_the_word(rig: Rig) -> None:
    ref = person(rig)
    rig.locks_out()
    with pytest.raises(DeliveryFailed) as told:
        ask(rig, rig.adapter.write(ref, {rig.text: "Head of Sales"}))
    assert told.value.word in BREAKING
    assert told.value.undone


def test_no_key_is_shown(rig: Rig) -> None:
    shown = repr(rig.adapter)
    requests = []
    steps = rig.adapter.fetch(person(rig), [rig.text])
    requests.append(next(steps))
    keys = [value for value in requests[0].headers.values() if value]
    assert all(key.removeprefix("Bearer ") not in shown for key in keys if len(key) > 8)
    assert JANE not in requests[0].url
