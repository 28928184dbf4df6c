"""Where our app is installed: tokens sealed, taken back, refused, and their keys replaced."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.errors import BadSettings
from app.installation import LOCKED, Installation
from app.installed import InstallationsKept
from app.vault import Vault, new_key
from tests.fakes.servers import BACKENDS

OLD, NEW = new_key(), new_key()
TOKEN = "xoxb-of-acme"

pytestmark = pytest.mark.parametrize("backend", BACKENDS[:2], indirect=True)


@pytest.fixture
def service(make: Any) -> Any:
    return make()


@pytest.fixture
def kept(service: Any) -> InstallationsKept:
    return opened(service, OLD)


def opened(service: Any, keys: str | None, surface: str = "slack") -> InstallationsKept:
    """Return the store as another process has it."""
    vault = Vault.parse(keys) if keys else None
    return InstallationsKept(
        database=service.database, now=service.clock, surface=surface, vault=vault
    )


def acme(service: Any, **changes: Any) -> Installation:
    whole = Installation(
        team_id="T0ACME",
        installed_at=service.clock(),
        enterprise_id="E0",
        name="Acme",
        token=TOKEN,
        bot_id="B0",
        bot_user_id="U0",
        scopes=("chat:write", "commands"),
        installed_by="U0ADMIN",
    )
    return replace(whole, **changes)


def stored(service: Any) -> str:
    rows = service.database.read(lambda db: db.execute(text("SELECT * FROM installation")).all())
    return str(rows)


def test_an_installation_is_found_as_it_was_kept(service: Any, kept: InstallationsKept) -> None:
    kept.keep(acme(service))
    assert kept.find("T0ACME") == opened(service, OLD).find("T0ACME") == acme(service)
    assert kept.find("T0OTHER") is None
    assert opened(service, OLD, "another").find("T0ACME") is None


def test_no_token_is_stored_or_shown_as_it_is(service: Any, kept: InstallationsKept) -> None:
    kept.keep(acme(service))
    assert TOKEN not in stored(service) + repr(kept) + repr(kept.find("T0ACME"))


def test_installed_again_takes_the_place_of_what_was(service: Any, kept: InstallationsKept) -> None:
    kept.keep(acme(service))
    kept.broken("T0ACME", TOKEN, "token_revoked")
    kept.keep(acme(service, token="xoxb-new"))
    assert kept.all() == [acme(service, token="xoxb-new")]


def test_a_token_that_was_taken_back_is_forgotten(service: Any, kept: InstallationsKept) -> None:
    kept.keep(acme(service))
    service.clock.move(hours=1)
    kept.revoke("T0ACME", "app_uninstalled", service.clock())
    found = kept.find("T0ACME")
    assert found is not None
    assert (found.token, found.reason) == ("", "app_uninstalled")
    assert found.revoked_at == service.clock()
    assert not found.by_setting


def test_the_end_of_an_earlier_installation_leaves_the_new_one(
    service: Any, kept: InstallationsKept
) -> None:
    kept.keep(acme(service))
    kept.revoke("T0ACME", "app_uninstalled", service.clock() - timedelta(seconds=1))
    assert kept.find("T0ACME") == acme(service)


@pytest.mark.parametrize("word", ["token_revoked", "account_inactive", "invalid_auth"])
def test_a_token_that_is_refused_is_forgotten_and_that_is_told_once(
    service: Any, kept: InstallationsKept, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    kept.keep(acme(service))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            kept.broken("T0ACME", TOKEN, word)
    found = kept.find("T0ACME")
    assert found is not None
    assert (found.token, found.reason, found.revoked_at) == ("", word, service.clock())
    [told] = caplog.records
    assert (vars(told)["team_id"], vars(told)["reason"]) == ("T0ACME", word)
    assert TOKEN not in str(vars(told))


def test_a_missing_scope_breaks_an_installation_and_keeps_its_token(
    service: Any, kept: InstallationsKept
) -> None:
    kept.keep(acme(service))
    kept.broken("T0ACME", TOKEN, "missing_scope")
    assert kept.find("T0ACME") == acme(service, reason="missing_scope")


def test_what_is_said_of_an_older_token_does_not_touch_the_new_one(
    service: Any, kept: InstallationsKept
) -> None:
    kept.keep(acme(service, token="xoxb-new"))
    kept.broken("T0ACME", TOKEN, "token_revoked")
    assert kept.find("T0ACME") == acme(service, token="xoxb-new")


def test_the_token_of_the_setting_is_never_stored_and_may_work_again(service: Any) -> None:
    kept = opened(service, None)
    kept.broken("T0ACME", TOKEN, "invalid_auth")
    found = kept.find("T0ACME")
    assert found is not None
    assert (found.by_setting, found.reason, found.token) == (True, "invalid_auth", "")
    kept.works("T0ACME")
    [well] = kept.all()
    assert well.reason == ""
    assert TOKEN not in stored(service)


def test_the_setting_is_of_one_workspace(service: Any, kept: InstallationsKept) -> None:
    kept.keep(acme(service, team_id="T0OAUTH"))
    kept.keep(acme(service, by_setting=True, token=""))
    kept.keep(acme(service, by_setting=True, token="", team_id="T0NEW"))
    assert [one.team_id for one in kept.all()] == ["T0NEW", "T0OAUTH"]


def test_an_older_key_is_replaced_without_losing_a_token(
    service: Any, kept: InstallationsKept
) -> None:
    kept.keep(acme(service))
    kept.keep(acme(service, team_id="T0GONE"))
    kept.revoke("T0GONE", "app_uninstalled", service.clock())
    both = opened(service, f"{NEW},{OLD}")
    assert (both.renew(), both.renew()) == (1, 0)
    assert opened(service, NEW).find("T0ACME") == acme(service)


def test_a_token_whose_key_is_gone_is_told_and_not_lost(
    service: Any, kept: InstallationsKept, caplog: pytest.LogCaptureFixture
) -> None:
    kept.keep(acme(service))
    for other in (opened(service, NEW), opened(service, None)):
        assert other.find("T0ACME") == acme(service, token="", reason=LOCKED)
        assert other.renew() == 0
    assert [vars(told)["reason"] for told in caplog.records] == [LOCKED]
    assert kept.find("T0ACME") == acme(service)


def test_without_a_key_no_token_is_kept(service: Any) -> None:
    with pytest.raises(BadSettings, match="WARMCALL_ENCRYPTION_KEYS"):
        opened(service, None).keep(acme(service))
    assert stored(service) == "[]"
