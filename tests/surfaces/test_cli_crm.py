"""The connections at the terminal: made, listed, ended; and a file that cannot be used."""

from pathlib import Path

import pytest

from tests.surfaces.test_cli import Cli, cli, is_one_line

__all__ = ["cli"]


@pytest.mark.parametrize("auth", ["standard", "hmac", "bearer", "basic"])
def test_a_secret_alone_is_on_stdout_and_the_rest_is_told_beside_it(cli: Cli, auth: str) -> None:
    said = cli("crm", "connect", "zapier", "--auth", auth, "--header", "X-Zap", "--user", "zap")
    assert said.code == 0, said.err
    assert len(said.out.split()) == 1
    assert said.out.startswith("whsec_") == (auth in {"standard", "hmac"})
    assert "http://127.0.0.1:8000/webhooks/crm/zapier" in said.err
    assert ("x-zap" in said.err, "user zap" in said.err) == (auth == "hmac", auth == "basic")
    listed = cli("crm", "connections").out
    assert said.out.strip() not in listed + said.err
    assert listed.splitlines()[1].split()[:3] == ["zapier", auth, "database"]


def test_without_a_connection_it_is_said_how_to_make_one(cli: Cli) -> None:
    assert "warmcall crm connect" in cli("crm", "connections").out


def test_a_connection_is_made_once_and_ended(cli: Cli) -> None:
    assert cli("crm", "connect", "n8n", "--auth", "bearer").code == 0
    again = cli("crm", "connect", "n8n", "--auth", "bearer")
    assert (again.code, is_one_line(again.err)) == (1, True)
    assert cli("crm", "callback-secret", "n8n").out.startswith("whsec_")
    assert cli("crm", "disconnect", "n8n").code == 0
    for verb in ("disconnect", "callback-secret"):
        said = cli("crm", verb, "n8n")
        assert (said.code, is_one_line(said.err)) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        ("zapier",),
        ("zapier", "--auth", "telepathy"),
        ("zapier", "--auth", "bearer", "--path", "email"),
        ("zapier", "--auth", "bearer", "--quota", "many"),
    ],
)
def test_what_cannot_be_understood_is_wrong_usage(cli: Cli, words: tuple[str, ...]) -> None:
    said = cli("crm", "connect", *words)
    assert (said.code, said.out) == (2, "")
    assert is_one_line(said.err)


def test_a_name_that_cannot_stand_in_a_url_is_refused(cli: Cli) -> None:
    said = cli("crm", "connect", "my/crm", "--auth", "bearer")
    assert (said.code, is_one_line(said.err)) == (2, True)


def test_a_file_that_cannot_be_used_is_told_in_one_line_without_its_secrets(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "crm.toml"
    path.write_text('[connections.zapier]\nauth = "bearer"\nsecret = "t0o-short"\n')
    monkeypatch.setenv("WARMCALL_CRM", str(path))
    said = cli("crm", "connections")
    assert (said.code, is_one_line(said.err)) == (1, True)
    assert "connections.zapier" in said.err
    assert "t0o-short" not in said.err


def test_a_connection_of_the_file_is_listed_and_ended_there(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "crm.toml"
    path.write_text(
        '[connections.zapier]\nauth = "bearer"\nsecret = "long-enough-for-us"\n'
        '[connections.space]\nkind = "attio"\ntoken = "long-enough-for-us"\n'
        'secret = "long-enough-for-us"\n'
    )
    monkeypatch.setenv("WARMCALL_CRM", str(path))
    listed = cli("crm", "connections").out.splitlines()
    assert listed[1].split() == ["zapier", "bearer", "file", "-", "-"]
    assert listed[2].split() == ["space", "attio", "setting", "-", "-"]
    said = cli("crm", "disconnect", "zapier")
    assert (said.code, "remove it there" in said.err) == (1, True)
