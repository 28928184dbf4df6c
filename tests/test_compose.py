"""The example for containers is a Compose file, and says what the service understands."""

from typing import Any

import orjson
import pytest
import yaml
from jsonschema import Draft202012Validator

from app.settings import Settings, rows
from tests.words import ROOT, commands

SCHEMA = orjson.loads((ROOT / "tests/compose.schema.json").read_bytes())
OURS = ("web", "worker")


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "integrations/compose.yaml").read_text("utf-8"))
    return found


def test_the_file_is_in_the_compose_format(compose: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(compose)] == []


def test_its_services_run_our_commands_with_settings_that_exist(compose: dict[str, Any]) -> None:
    known = {row.name for row in rows()}
    for name in OURS:
        service = compose["services"][name]
        told = dict(service["environment"])
        assert f"warmcall {told.pop('ROLE')}" in commands()
        assert set(told) <= known
        settings = {
            key: value.replace("${POSTGRES_PASSWORD:?is not set}", "pw")
            for key, value in told.items()
        }
        assert Settings.from_env(settings).queue_elsewhere == "redis://redis:6379/0"
        assert set(service["depends_on"]) <= set(compose["services"])


def test_what_it_copies_and_mounts_is_there(compose: dict[str, Any]) -> None:
    script = compose["services"]["web"]["command"][-1]
    paths = [
        word.removeprefix("/source/") for word in script.split() if word.startswith("/source/")
    ]
    assert len(paths) == 6
    assert [path for path in paths if not (ROOT / path).exists()] == []
    named = {
        volume.partition(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", ())
        if isinstance(volume, str)
    }
    assert named == set(compose["volumes"])


def test_a_worker_gets_longer_to_end_than_it_needs(compose: dict[str, Any]) -> None:
    assert compose["services"]["worker"]["stop_grace_period"] == "30s"  # it needs at most 25 s
