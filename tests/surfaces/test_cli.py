"""The command line as its user meets it: what it prints, where, and with which exit code."""

import json
import os
import re
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.views import UNLIMITED, Caller, DeliveryView, Gauges, ProviderView
from integrations.cli import doctor, inbound, tables
from integrations.cli.doctor import State

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SARAH = "sarah.chen@acme.example"


@dataclass(frozen=True, slots=True)
class Said:
    """What one run of the command line came to."""

    code: int
    out: str
    err: str


Cli = Callable[..., Said]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run commands in an empty folder, with an environment that sets nothing."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("WARMCALL_") or name.endswith("_API_KEY") or name == "PORT":
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*args: str) -> Said:
        code = inbound.run(list(args))
        told = capsys.readouterr()
        return Said(code, told.out, told.err)

    return run


def is_one_line(text: str) -> bool:
    return text.startswith("warmcall: ") and text.endswith("\n") and text.count("\n") == 1


# --- brief ---------------------------------------------------------------------------------


def test_brief_prints_a_card_without_any_server(cli: Cli) -> None:
    said = cli("brief", SARAH)
    assert said.code == 0, said.err
    assert said.out.startswith("Sarah Chen, VP of Sales at Acme Corp\n")
    assert "\x1b" not in said.out
    assert said.err == ""


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("notfound", 3, "Nobody who was asked knows this prospect."),
        ("error", 1, "some providers did not answer"),
        ("ambiguous", 0, "Who is meant?"),
        ("partial", 0, "Some providers did not answer; this is what the others know."),
        ("stale", 0, "a refresh is on its way"),
    ],
)
def test_every_end_of_a_job_has_its_words_and_its_exit_code(
    cli: Cli, name: str, code: int, told: str
) -> None:
    said = cli("brief", f"{name}@acme.example")
    assert (said.code, said.err) == (code, "")
    assert told in said.out


def test_a_second_brief_comes_from_the_cache(cli: Cli) -> None:
    assert "asked just now" in cli("brief", SARAH).out
    assert "from the cache" in cli("brief", SARAH).out
    assert "asked just now" in cli("brief", SARAH, "--refresh").out


def test_a_brief_that_runs_out_of_time_names_the_job_that_goes_on(cli: Cli) -> None:
    said = cli("brief", SARAH, "--wait", "0")
    assert said.code == 1
    assert re.search(r"It goes on as job \w+ while a worker runs", said.out)


def test_brief_as_json_is_the_job_that_the_rest_api_shows(cli: Cli) -> None:
    job = json.loads(cli("brief", SARAH, "--format", "json").out)
    assert job["status"] == "complete"
    assert job["card"]["person"]["title"] == "VP of Sales"
    assert job["links"]["self"] == f"http://127.0.0.1:8000/v1/jobs/{job['job_id']}"


def test_brief_as_markdown_has_headings_and_links(cli: Cli) -> None:
    out = cli("brief", SARAH, "--format", "markdown").out
    assert out.startswith("# Sarah Chen, VP of Sales at Acme Corp\n")
    assert "\n## Sources\n" in out


@pytest.mark.parametrize("prospect", ["nobody", "", "a@b@c", "info@", "sarah@mailinator.com"])
def test_a_prospect_that_names_nobody_is_wrong_usage(cli: Cli, prospect: str) -> None:
    said = cli("brief", prospect)
    assert said.code == 2
    assert said.out == ""
    assert is_one_line(said.err)


# --- usage, settings -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        ["brief"],
        ["brief", SARAH, "--format", "pdf"],
        ["brief", SARAH, "--wait", "-1"],
        ["brief", SARAH, "--nonsense"],
        ["nonsense"],
        ["keys"],
        ["keys", "create", "crm", "--quota", "many"],
        ["keys", "create", "crm", "--scope", "admin"],
        ["web", "--port", "70000"],
    ],
)
def test_wrong_usage_is_told_in_one_line(cli: Cli, args: list[str]) -> None:
    said = cli(*args)
    assert (said.code, said.out) == (2, "")
    assert is_one_line(said.err), said.err


def test_settings_that_are_not_usable_are_told_in_one_line(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARMCALL_NONSENSE", "1")
    monkeypatch.setenv("PORT", "eighty")
    said = cli("keys", "list")
    assert said.code == 1
    assert is_one_line(said.err)
    assert "WARMCALL_NONSENSE" in said.err
    assert "PORT" in said.err


def test_a_database_that_cannot_be_used_is_named_with_the_reason(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/nowhere/w.db")
    said = cli("keys", "list")
    assert (said.code, is_one_line(said.err)) == (1, True)
    assert "DATABASE_URL" in said.err
    assert "unable to open database file" in said.err
    assert "FAILED  start" in cli("doctor").out


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgresql://ann:s3cret@127.0.0.1:1/cards"),
        ("QUEUE_URL", "redis://ann:s3cret@127.0.0.1:1/0"),
        ("QUEUE_URL", "postgresql://ann:s3cret@127.0.0.1:1/queue"),
    ],
)
def test_a_server_that_cannot_be_reached_is_named_without_its_password(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    monkeypatch.setenv(name, url)
    said = cli("keys", "list")
    assert (said.code, is_one_line(said.err)) == (1, True)
    assert f"{name}: {url.partition(':')[0]}://ann:***@127.0.0.1:1/" in said.err
    doctor = cli("doctor").out
    assert "FAILED  start" in doctor
    assert "s3cret" not in said.err + doctor


def test_a_dotenv_file_is_read_and_the_environment_wins(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("PORT=9001\nDATABASE_URL='sqlite:///mine.db'\n", "utf-8")
    monkeypatch.setenv("PORT", "9002")
    said = cli("doctor")
    assert "http://127.0.0.1:9002" in said.out
    assert (tmp_path / "mine.db").exists()


def test_a_dotenv_file_with_a_bad_value_is_told(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WARMCALL_SLOTS=none\n", "utf-8")
    assert "WARMCALL_SLOTS" in cli("keys", "list").err


def test_the_version_is_told(cli: Cli) -> None:
    assert re.fullmatch(r"warmcall \d+\.\d+\.\d+\n", cli("--version").out)


def test_without_a_command_the_help_lists_them_all(cli: Cli) -> None:
    said = cli()
    assert said.code == 0
    for name in ("up", "web", "worker", "brief", "keys", "providers", "doctor", "forget"):
        assert re.search(rf"^  {name}\b", said.out, re.MULTILINE)


def test_an_unexpected_error_is_one_line_and_shows_nothing_of_its_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    inbound.one_line(ValueError, ValueError("somebody@acme.example"), None)
    told = capsys.readouterr().err
    assert is_one_line(told)
    assert "ValueError" in told
    assert "acme" not in told


# --- keys ----------------------------------------------------------------------------------


def test_a_new_keys_secret_alone_is_on_stdout(cli: Cli) -> None:
    said = cli("keys", "create", "crm", "--quota", "5", "--scope", "read", "--scope", "spend")
    assert re.fullmatch(r"wc_\S+\n", said.out)
    assert "crm" in said.err
    assert said.out.strip() not in said.err
    listed = cli("keys", "list").out
    assert re.search(r"crm +5 +read,spend", listed)
    assert said.out.strip() not in listed


def test_a_key_can_be_unlimited(cli: Cli) -> None:
    cli("keys", "create", "crm", "--quota", "unlimited")
    assert re.search(r"crm +unlimited +read,spend,write", cli("keys", "list").out)


def test_a_key_is_rotated_and_revoked(cli: Cli) -> None:
    first = cli("keys", "create", "crm").out
    key_id = re.findall(r"key_\w+", cli("keys", "list").out)[0]
    second = cli("keys", "rotate", key_id).out
    assert re.fullmatch(r"wc_\S+\n", second)
    assert second != first
    assert "is revoked" in cli("keys", "revoke", key_id).out
    assert re.search(rf"{key_id} .*revoked \d{{4}}-", cli("keys", "list").out)


@pytest.mark.parametrize("verb", ["revoke", "rotate"])
def test_a_key_that_does_not_exist_is_told(cli: Cli, verb: str) -> None:
    said = cli("keys", verb, "key_nobody")
    assert (said.code, said.out) == (1, "")
    assert is_one_line(said.err)


def test_an_empty_list_of_keys_says_how_to_create_one(cli: Cli) -> None:
    assert "warmcall keys create" in cli("keys", "list").out


# --- privacy -------------------------------------------------------------------------------


def test_a_person_is_exported_erased_and_then_not_looked_up(cli: Cli) -> None:
    cli("brief", SARAH)
    assert "VP of Sales" in cli("export", SARAH).out
    said = cli("forget", SARAH)
    assert said.code == 0
    assert "Deleted: " in said.out
    assert "VP of Sales" not in json.dumps(json.loads(cli("export", SARAH).out))
    again = cli("brief", SARAH)
    assert again.code == 1
    assert "do-not-enrich" in again.out + again.err


def test_a_suppressed_domain_is_not_looked_up(cli: Cli) -> None:
    assert cli("suppress", "acme.example").out == "This domain is not looked up any more.\n"
    assert cli("brief", SARAH).code == 1


@pytest.mark.parametrize("verb", ["forget", "export", "suppress"])
def test_privacy_commands_refuse_what_is_no_address(cli: Cli, verb: str) -> None:
    said = cli(verb, "nobody")
    assert (said.code, said.out) == (2, "")
    assert is_one_line(said.err)


# --- operators -----------------------------------------------------------------------------


def test_providers_are_listed_with_todays_numbers(cli: Cli) -> None:
    cli("brief", SARAH)
    out = cli("providers").out
    assert re.search(r"^sandbox +on .* [1-9]\d* +\d+ +\d+ +\d+ +0 of 0$", out, re.MULTILINE)
    assert re.search(r"^hunter +off", out, re.MULTILINE)


def test_a_fresh_installation_is_healthy(cli: Cli) -> None:
    said = cli("doctor")
    assert said.code == 0, said.out
    assert "FAILED" not in said.out


def test_the_doctor_finds_settings_that_are_not_usable(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARMCALL_NONSENSE", "1")
    said = cli("doctor")
    assert said.code == 1
    assert "FAILED  settings" in said.out
    assert "WARMCALL_NONSENSE" in said.out


def test_the_doctor_finds_a_positioning_file_that_is_not_usable(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ours.toml").write_text("seller = 1\n", "utf-8")
    monkeypatch.setenv("WARMCALL_POSITIONING", "ours.toml")
    said = cli("doctor")
    assert said.code == 1
    assert "positioning file" in said.out


def test_the_doctor_tells_of_a_crm_that_does_not_let_us_in(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rules = tmp_path / "crm.toml"
    rules.write_text(
        '[connections.pipe]\nkind = "pipedrive"\nurl = "https://acme.pipedrive.example"\n'
        'token = "0123456789abcdef"\nuser_id = "9"\nuser = "warmcall"\n'
        'password = "0123456789abcdef"\n'
    )
    monkeypatch.setenv("WARMCALL_CRM", str(rules))
    assert re.search(r"crm pipe\s+nothing was refused", cli("doctor").out)
    with closing(sqlite3.connect(tmp_path / "warmcall.db")) as db, db:
        now = "2026-11-21 12:00:00.000000"
        db.execute("INSERT INTO crm_health VALUES ('pipe', 'unauthorized', ?, ?)", (now, now))
    said = cli("doctor")
    assert said.code == 1
    assert re.search(r"crm pipe\s+refuses us \(unauthorized\)", said.out)


def test_the_doctor_finds_a_proxy_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert doctor.proxy(f"http://127.0.0.1:{port}").state is State.ok
    found = doctor.proxy(f"http://127.0.0.1:{port}")
    assert found.state is State.failed
    assert "WARMCALL_EGRESS_PROXY" in found.text
    assert doctor.proxy(None).state is State.note


def gauges(*, depth: int, workers: int) -> Gauges:
    return Gauges(
        queue_depth=depth,
        jobs={},
        deliveries_pending=0,
        breakers={},
        credits={},
        attempts={},
        latency_s={},
        workers=workers,
    )


@pytest.mark.parametrize(
    ("depth", "workers", "state"),
    [(0, 0, State.note), (3, 0, State.failed), (3, 1, State.ok), (0, 2, State.ok)],
)
def test_jobs_that_wait_while_no_worker_lives_are_a_failure(
    depth: int, workers: int, state: State
) -> None:
    assert doctor.queue(gauges(depth=depth, workers=workers)).state is state


def provider(state: str, *, configured: bool = True, reason: str | None = None) -> ProviderView:
    return ProviderView(
        name="hunter",
        configured=configured,
        gives=["person"],
        accepts=["email"],
        state=state,
        until=NOW + timedelta(hours=1) if reason else None,
        reason=reason,
        calls_today=3,
        matched_today=2,
        failed_today=1,
        credits_today=1.5,
    )


@pytest.mark.parametrize(
    ("view", "state", "told"),
    [
        (provider("closed"), State.ok, "3 calls today"),
        (provider("off", configured=False), State.note, "set HUNTER_API_KEY"),
        (provider("open", reason="5 failures"), State.failed, "5 failures. Check HUNTER_API_KEY"),
        (provider("disabled", reason="the key is refused"), State.failed, "13:00 UTC"),
    ],
)
def test_a_provider_that_is_on_and_not_asked_is_a_failure(
    view: ProviderView, state: State, told: str
) -> None:
    found = doctor.provider(view)
    assert found.state is state
    assert told in found.text


def test_deliveries_that_nobody_tries_any_more_are_a_failure() -> None:
    given_up = DeliveryView(
        id="msg_1",
        job_id="job_1",
        channel="callback",
        target="https://crm.example/hook?secret=1",
        event="enrichment.completed",
        state="failed",
        tries=[],
        next_at=None,
        created_at=NOW,
    )
    found = doctor.callbacks([given_up])
    assert found.state is State.failed
    assert "msg_1" in found.text
    assert "secret" not in found.text
    assert doctor.callbacks([]).state is State.ok


def test_a_table_is_aligned_by_what_is_seen_and_cuts_nothing() -> None:
    long = "x" * 200
    rows = tables.columns([("NAME", "ID"), ("日本", long), ("e\x1b[31mvil", "2")])
    assert rows.splitlines() == ["NAME      ID", f"日本      {long}", "e[31mvil  2"]


def test_quotas_are_told_in_words() -> None:
    assert [tables.quota(n) for n in (None, UNLIMITED, 0, 7)] == ["default", "unlimited", "0", "7"]


def test_a_key_that_was_never_used_says_so() -> None:
    caller = Caller("key_1", "crm", frozenset({"read"}), created_at=NOW)
    assert "2026-11-21  -          valid" in tables.key_table([caller])


# --- up ------------------------------------------------------------------------------------


def test_up_says_so_when_the_port_is_taken_and_creates_no_key(cli: Cli, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = cli("up", "--port", str(taken.getsockname()[1]))
    assert (said.code, said.out) == (1, "")
    assert is_one_line(said.err)
    assert "in use" in said.err
    assert not (tmp_path / "warmcall.db").exists()
