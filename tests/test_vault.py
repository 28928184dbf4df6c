"""Secrets at rest: sealed with the newest key, opened with any, shown by nothing."""

import pytest

from app.errors import BadSettings
from app.vault import Vault, new_key

OLD, NEW = new_key(), new_key()


def test_what_is_sealed_is_not_to_be_read_and_is_opened_again() -> None:
    vault = Vault.parse(NEW)
    sealed = vault.seal("xoxb-s3cret")
    assert "s3cret" not in sealed
    assert vault.open(sealed) == "xoxb-s3cret"
    assert vault.seal("xoxb-s3cret") != sealed


def test_an_older_key_opens_and_the_newest_one_seals_anew() -> None:
    sealed = Vault.parse(OLD).seal("xoxb-s3cret")
    both = Vault.parse(f" {NEW}, {OLD},")
    assert both.open(sealed) == "xoxb-s3cret"
    renewed = both.renewed(sealed)
    assert renewed is not None
    assert Vault.parse(NEW).open(renewed) == "xoxb-s3cret"
    assert both.renewed(renewed) is None


@pytest.mark.parametrize(
    "sealed",
    ["", "junk", "\u2603", Vault.parse(OLD).seal("x")],
    ids=["empty", "junk", "a symbol", "another key's"],
)
def test_what_no_key_opens_is_told_without_what_it_is(sealed: str) -> None:
    for act in (Vault.parse(NEW).open, Vault.parse(NEW).renewed):
        with pytest.raises(BadSettings, match="WARMCALL_ENCRYPTION_KEYS: no key opens"):
            act(sealed)


@pytest.mark.parametrize(
    "text",
    ["", ",", "short", f"{NEW},short", NEW[:-1], "\u2603" * 44],
    ids=["empty", "a comma", "short", "the second short", "cut", "symbols"],
)
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="warmcall encryption-key") as refused:
        Vault.parse(text)
    assert NEW not in str(refused.value)


def test_no_key_shows() -> None:
    assert NEW not in repr(Vault.parse(NEW))
