"""Who objected to being looked up is not shown among a company's people either.

Only digests of such addresses are kept, so a person is recognised by the digests of the published
address, and of the addresses that the name would have at the company.
"""

from collections.abc import Callable, Collection, Iterable

from app.addresses import mailbox_key
from app.digest import digest
from app.facts import Fact
from app.local_parts import mailboxes

NAMED = frozenset({"decision_makers", "person.candidates"})
"""Fields whose values are people other than the prospect."""


def spared(
    facts: Iterable[Fact], domain: str | None, known: Callable[[Collection[str]], Collection[str]]
) -> tuple[Fact, ...]:
    """Leave out the facts that name somebody who objected.

    `domain` is the company's; `known` returns those of the digests that are on the list.
    """
    told = list(facts)
    marks = {fact.id: _marks(fact, domain) for fact in told if fact.field in NAMED}
    objected = set(known(frozenset().union(*marks.values()))) if marks else set()
    return tuple(fact for fact in told if not marks.get(fact.id, frozenset()) & objected)


def _marks(fact: Fact, domain: str | None) -> frozenset[str]:
    """Return the digests that would tell of an objection of the person that a fact names."""
    value = fact.value if isinstance(fact.value, dict) else {}
    email, name = value.get("email"), value.get("full_name")
    addresses = {mailbox_key(email)} if isinstance(email, str) else set()
    if domain and isinstance(name, str):
        addresses |= {f"{local}@{domain}" for local in mailboxes(name)}
    return frozenset(digest(f"email:{address}") for address in addresses)
