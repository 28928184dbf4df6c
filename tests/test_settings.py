"""Settings: read from an environment, all problems told at once, no secret in any text."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.errors import BadSettings
from app.guard import Allow
from app.pace import Limit
from app.provider import Pace
from app.settings import KEYED_PROVIDERS, Settings, env_example, rows, span, without_secrets
from app.vault import new_key
from integrations.runtime import configured

BAD = [
    ("PORT", "80 80", "PORT: "),
    ("PORT", "0", "PORT: "),
    ("PORT", "65536", "PORT: "),
    ("DATABASE_URL", "warmcall.db", "DATABASE_URL: expected sqlite:///PATH"),
    ("DATABASE_URL", "sqlite:///", "DATABASE_URL: expected sqlite:///PATH"),
    ("DATABASE_URL", "mysql://db.example/x", "DATABASE_URL: expected sqlite:///PATH"),
    ("DATABASE_URL", "postgresql://db.example", "DATABASE_URL: expected sqlite:///PATH or postg"),
    ("QUEUE_URL", "amqp://queue.example/0", "QUEUE_URL: expected redis://HOST/0 or postgresql://"),
    ("QUEUE_URL", "sqlite:///other.db", "QUEUE_URL: an SQLite file other than DATABASE_URL"),
    ("WARMCALL_PUBLIC_URL", "cards.example", "WARMCALL_PUBLIC_URL: expected an http:// or"),
    ("WARMCALL_PUBLIC_URL", "http://[", "WARMCALL_PUBLIC_URL: expected an http:// or"),
    ("WARMCALL_ALERTS", "#ops", "WARMCALL_ALERTS: expected a Slack channel's id, such as C0123"),
    ("WARMCALL_ALERTS", "jane@", "WARMCALL_ALERTS: expected a Slack channel's id, such as C0123"),
    ("WARMCALL_EGRESS_PROXY", "socks5://proxy.example", "WARMCALL_EGRESS_PROXY: expected an http"),
    ("WARMCALL_EGRESS_PROXY", "http://proxy.example:eighty", "WARMCALL_EGRESS_PROXY: expected"),
    ("HUNTER_API_URL", "ftp://hunter.example", "HUNTER_API_URL: expected an http:// or https://"),
    ("WARMCALL_PROVIDERS", "hunter,orbit", "WARMCALL_PROVIDERS: no provider orbit; there are"),
    ("WARMCALL_POSITIONING", "nowhere.toml", "WARMCALL_POSITIONING: no such file"),
    ("WARMCALL_CALLBACK_ALLOW", "10.0.0.0/99", "WARMCALL_CALLBACK_ALLOW: neither a host, host"),
    (
        "WARMCALL_CALLBACK_ALLOW",
        "crm.corp:70000",
        "neither a host, host:port nor a CIDR: crm.corp:",
    ),
    ("WARMCALL_CALLBACK_ALLOW", "crm.corp:0", "neither a host, host:port nor a CIDR: crm.corp:0"),
    ("WARMCALL_CALLBACK_ALLOW", "crm corp:80", "neither a host, host:port nor a CIDR: crm corp"),
    (
        "WARMCALL_PACE",
        "hunter",
        "WARMCALL_PACE: expected PROVIDER=CALLS/min or PROVIDER=CALLS/min:",
    ),
    ("WARMCALL_PACE", "hunter=600", "WARMCALL_PACE: expected PROVIDER=CALLS/min or PROVIDER="),
    ("WARMCALL_PACE", "hunter=10/s", "WARMCALL_PACE: expected PROVIDER=CALLS/min or PROVIDER="),
    ("WARMCALL_PACE", "hunter=0/min", "WARMCALL_PACE: expected 1 to 6000000 calls a minute"),
    ("WARMCALL_PACE", "hunter=9/min:0", "WARMCALL_PACE: expected 1 to 1000 calls at once"),
    ("WARMCALL_PACE", "orbit=9/min", "WARMCALL_PACE: no provider orbit with a key; there are peo"),
    ("WARMCALL_PACE", "hunter=9/min, hunter=8/min", "WARMCALL_PACE: a provider is named twice"),
    ("WARMCALL_CALLBACK_ALLOW", "http://crm.example", "WARMCALL_CALLBACK_ALLOW: neither a host,"),
    ("WARMCALL_FRESH_PERSON", "1 week", "WARMCALL_FRESH_PERSON: expected a number and s, m, h"),
    ("WARMCALL_FRESH_PERSON", "-1d", "WARMCALL_FRESH_PERSON: expected a number and s, m, h or d"),
    ("WARMCALL_FRESH_PERSON", "99999999999d", "WARMCALL_FRESH_PERSON: expected a number and"),
    ("WARMCALL_STALE_COMPANY", "6d", "WARMCALL_STALE_COMPANY: shorter than WARMCALL_FRESH_COMP"),
    ("WARMCALL_URL", "https://warm.example", "WARMCALL_URL and WARMCALL_API_KEY: set both or nei"),
    ("WARMCALL_API_KEY", "s3cret", "WARMCALL_URL and WARMCALL_API_KEY: set both or neither"),
    ("WARMCALL_URL", "warm.example", "WARMCALL_URL: expected an http:// or https:// URL"),
    ("WARMCALL_FREE_QUOTA", "-1", "WARMCALL_FREE_QUOTA: "),
    ("WARMCALL_SLOTS", "0", "WARMCALL_SLOTS: "),
    ("WARMCALL_LEASE", "0s", "WARMCALL_LEASE: expected more than zero"),
    ("WARMCALL_LOG_LEVEL", "loud", "WARMCALL_LOG_LEVEL: "),
    ("WARMCALL_FRSH_PERSON", "1d", "WARMCALL_FRSH_PERSON: no such setting (did you mean WARMCALL_"),
    ("SLACK_BOT_TOKEN", "xoxp-1", "SLACK_BOT_TOKEN: expected a token that begins with xoxb-"),
    ("SLACK_APP_TOKEN", "xoxb-1", "SLACK_APP_TOKEN: expected a token that begins with xapp-"),
    ("SLACK_BOT_TOKEN", "xoxb-1", "SLACK_SIGNING_SECRET: missing beside SLACK_BOT_TOKEN"),
    ("SLACK_SIGNING_SECRET", "s3cret", "SLACK_BOT_TOKEN: missing beside the other settings of S"),
    ("SLACK_APP_TOKEN", "xapp-1", "SLACK_BOT_TOKEN: missing beside the other settings of Slack"),
    ("SLACK_CLIENT_ID", "1.2", "SLACK_CLIENT_ID and SLACK_CLIENT_SECRET: set both or neither"),
    ("SLACK_CLIENT_SECRET", "s3cret", "SLACK_CLIENT_ID and SLACK_CLIENT_SECRET: set both or"),
    ("WARMCALL_ENCRYPTION_KEYS", "s3cret", "WARMCALL_ENCRYPTION_KEYS: expected keys as `warmcall"),
    ("SLACK_API_URL", "slack.example", "SLACK_API_URL: expected an http:// or https:// URL"),
    ("HUBSPOT_CLIENT_SECRET", "s3cret", "HUBSPOT_ACCESS_TOKEN: missing beside the other settings"),
    ("HUBSPOT_POLL", "60s", "HUBSPOT_ACCESS_TOKEN: missing beside the other settings of HubSpot"),
    ("HUBSPOT_POLL", "0s", "HUBSPOT_POLL: expected 1s or more"),
    ("HUBSPOT_APP_ID", "warm", "HUBSPOT_APP_ID: expected a number"),
    ("HUBSPOT_REFRESH_TOKEN", "s3cret", "HUBSPOT_CLIENT_ID, HUBSPOT_CLIENT_SECRET and HUBSPOT_"),
    ("HUBSPOT_API_VERSION", "v3", "HUBSPOT_API_VERSION: "),
    ("WARMCALL_XYZZY", "1", "WARMCALL_XYZZY: no such setting."),
]


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = Settings.from_env({})
    assert settings.database_url == "sqlite:///warmcall.db"
    assert settings.base_url == "http://127.0.0.1:8000"
    assert (settings.fresh_person, settings.stale_person) == (timedelta(days=1), timedelta(days=7))
    assert settings.fresh_company == timedelta(days=7)
    assert settings.stale_company == timedelta(days=30)
    assert settings.free_quota == 100


def test_values_are_read_and_trimmed(tmp_path: Path) -> None:
    positioning = tmp_path / "ours.toml"
    positioning.write_text("", "utf-8")
    settings = Settings.from_env(
        {
            "PORT": " 9000 ",
            "HUNTER_API_KEY": "secret\n",
            "HUNTER_API_URL": "http://127.0.0.1:9/v2/",
            "WARMCALL_PROVIDERS": " hunter, website ,hunter,",
            "WARMCALL_CALLBACK_ALLOW": "10.0.0.0/8, fd00::/8, crm.example:9000,[::1]:8123",
            "WARMCALL_PACE": "hunter=120/min, peopledatalabs = 600/min:50",
            "WARMCALL_FRESH_PERSON": "12 h",
            "WARMCALL_LOG_LEVEL": "debug",
            "WARMCALL_POSITIONING": str(positioning),
        }
    )
    assert settings.port == 9000
    assert settings.hunter_api_key is not None
    assert settings.hunter_api_key.get_secret_value() == "secret"
    assert settings.hunter_api_url == "http://127.0.0.1:9/v2"
    assert settings.providers == ("hunter", "website")
    assert settings.pace == (Limit("hunter", 120), Limit("peopledatalabs", 600, 50))
    assert Allow.parse(settings.callback_allow).names("crm.example", 9000)
    assert settings.fresh_person == timedelta(hours=12)
    assert settings.log_level == "DEBUG"
    assert settings.positioning == positioning


def test_a_plan_with_a_provider_takes_the_place_of_its_usual_pace() -> None:
    keys = {"HUNTER_API_KEY": "x", "PDL_API_KEY": "y"}
    usual, _ = configured(Settings.from_env(keys))
    planned, _ = configured(Settings.from_env(keys | {"WARMCALL_PACE": "hunter=6000/min:99"}))
    paces = {one.name: one.pace for one in planned}
    assert paces.pop("hunter") == Pace(per_s=100.0, burst=200, at_once=99)
    assert paces == {one.name: one.pace for one in usual if one.name != "hunter"}


def test_an_empty_value_counts_as_not_set() -> None:
    env = {"PORT": "", "WARMCALL_POSITIONING": " ", "PDL_API_KEY": "", "WARMCALL_NONSENSE": ""}
    assert Settings.from_env(env) == Settings.from_env({})


def test_names_of_other_programs_are_ignored() -> None:
    assert Settings.from_env({"PATH": "/bin", "HOME": "/"}) == Settings.from_env({})


def test_two_secrets_of_hubspot_are_taken_while_one_is_rotated() -> None:
    env = {"HUBSPOT_ACCESS_TOKEN": "pat-1", "HUBSPOT_CLIENT_SECRET": "new, old,"}
    assert Settings.from_env(env).hubspot_secrets == ("new", "old")
    assert "pat-1" not in repr(Settings.from_env(env))


def test_the_public_url_wins_over_the_port() -> None:
    settings = Settings.from_env({"PORT": "9000", "WARMCALL_PUBLIC_URL": "https://warm.example/"})
    assert settings.base_url == "https://warm.example"


@pytest.mark.parametrize(("name", "value", "told"), BAD)
def test_a_bad_value_is_told_by_its_name(name: str, value: str, told: str) -> None:
    with pytest.raises(BadSettings) as caught:
        Settings.from_env({name: value})
    assert told in str(caught.value)


def test_all_problems_are_told_at_once_in_one_line() -> None:
    env = {"WARMCALL_A": "1", "WARMCALL_B": "2", "PORT": "x", "WARMCALL_SLOTS": "y"}
    with pytest.raises(BadSettings) as caught:
        Settings.from_env(env)
    message = str(caught.value)
    assert all(name in message for name in env)
    assert "\n" not in message


def test_no_secret_shows_in_the_settings_or_in_a_complaint() -> None:
    secrets = {f"{prefix}_API_KEY": "s3cret-word" for prefix in KEYED_PROVIDERS.values()}
    secrets |= {"WARMCALL_URL": "https://warm.example", "WARMCALL_API_KEY": "s3cret-word"}
    settings = Settings.from_env(secrets)
    with pytest.raises(BadSettings) as caught:
        Settings.from_env(secrets | {"PORT": "s3cret-word"})
    assert "s3cret-word" not in f"{settings!r} {settings} {caught.value}"


def test_every_keyed_provider_has_its_two_settings() -> None:
    names = {row.name for row in rows()}
    for prefix in KEYED_PROVIDERS.values():
        assert {f"{prefix}_API_KEY", f"{prefix}_API_URL"} <= names


def test_every_default_that_is_shown_reads_back_as_itself() -> None:
    shown = {row.name: row.default for row in rows()}
    assert Settings.from_env(shown) == Settings.from_env({})


def test_the_example_file_names_every_setting_and_sets_none() -> None:
    lines = env_example().splitlines()
    assert [row.name for row in rows()] == [
        line[1:].partition("=")[0] for line in lines if line.startswith("#") and line[1:2] != " "
    ]
    assert all(not line or line.startswith("#") for line in lines)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("12h", 43_200), (" 7 d ", 604_800)]
)
def test_a_span_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert span(text) == timedelta(seconds=seconds)


def test_a_queue_beside_the_database_is_not_elsewhere() -> None:
    assert Settings.from_env({}).queue_elsewhere is None
    beside = {"QUEUE_URL": "sqlite:///warmcall.db"}
    assert Settings.from_env(beside).queue_elsewhere is None


@pytest.mark.parametrize("way_in", ["SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"])
def test_slack_is_on_with_a_token_or_a_client_and_a_way_in(way_in: str) -> None:
    given = {way_in: "xapp-s3cret"}
    token = {"SLACK_BOT_TOKEN": "xoxb-s3cret"}
    client = {"SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": "s3cret"}
    keys = {"WARMCALL_ENCRYPTION_KEYS": f"{new_key()},{new_key()}"}
    for whole in (given | token, given | client | keys, given | token | client | keys):
        settings = Settings.from_env(whole)
        assert settings.has_slack
        assert not [value for value in (*keys.values(), "s3cret") if value in repr(settings)]
    with pytest.raises(BadSettings, match="WARMCALL_ENCRYPTION_KEYS: missing beside SLACK_CLIENT"):
        Settings.from_env(given | client)
    with pytest.raises(BadSettings, match="SLACK_SIGNING_SECRET: missing beside SLACK_CLIENT_ID"):
        Settings.from_env(client | keys)


def test_passwords_in_urls_are_not_shown() -> None:
    env = {
        "DATABASE_URL": "postgresql://ann:s3cret@db.example/cards",
        "QUEUE_URL": "redis://:s3cret@queue.example/0",
    }
    assert "s3cret" not in repr(Settings.from_env(env))
    assert without_secrets(env["QUEUE_URL"]) == "redis://:***@queue.example/0"
    assert without_secrets("sqlite:///warmcall.db") == "sqlite:///warmcall.db"
