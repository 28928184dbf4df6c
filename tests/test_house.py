"""Rules about the house itself: what rots first, and the guard against it (see CONTRIBUTING.md)."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson

from app.settings import KEYED_PROVIDERS, KEYLESS_PROVIDERS, env_example
from tests.words import LISTING, error_kinds, public_words

HERE = Path(__file__).parent
ROOT = HERE.parent

ASYNC = {f"app/{name}.py" for name in ("clerk", "courier", "engine", "fetch", "waterfall")}
"""The only modules of the core where something waits (house rule: one loop runs the jobs)."""

PATCHES_AT_MOST = 3

REGISTRY = re.compile(r"https?://|--(extra-)?index-url|--find-links", re.IGNORECASE)


def modules(*tops: str) -> Iterator[Path]:
    """Yield every Python file below these folders, relative to the root."""
    for top in tops:
        found = (path.relative_to(ROOT) for path in sorted((ROOT / top).rglob("*.py")))
        yield from (path for path in found if "node_modules" not in path.parts)


def dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def test_the_import_contracts_are_kept() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    told = subprocess.run(
        [lint, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_only_the_engine_the_waterfall_and_fetch_wait() -> None:
    waiting = {
        str(path)
        for path in modules("app")
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8")))
        if isinstance(node, ast.AsyncFunctionDef)
    }
    assert waiting <= ASYNC


IMPORT_ALL = """
import sys, threading

WRITES = {"w", "a", "x", "+"}
REFUSED = {
    "socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.fork",
    "os.mkdir", "os.remove", "os.rename", "sqlite3.connect",
}

def refuse(event, args):
    if event in REFUSED or (event == "open" and WRITES & set(str(args[1] or ""))):
        raise RuntimeError(f"{event} {args[:2]} while importing")

sys.dont_write_bytecode = True
sys.addaudithook(refuse)
for name in sys.argv[1:]:
    __import__(name)
assert threading.active_count() == 1, threading.enumerate()
"""


def test_every_module_is_imported_without_side_effects() -> None:
    names = [dotted(path) for path in modules("app", "integrations") if path.name != "env.py"]
    told = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr


def test_no_public_word_was_lost_and_each_new_one_is_on_the_list() -> None:
    listed = set(LISTING.read_text("utf-8").splitlines())
    assert not listed - public_words(), "others rely on these words: bring them back"
    assert not public_words() - listed, "new words: run `python tests/words.py`, look, commit"


def test_every_error_has_its_own_code() -> None:
    codes = [kind.code for kind in error_kinds()]
    assert len(codes) == len(set(codes))


def test_the_example_file_is_what_the_settings_say() -> None:
    assert (ROOT / ".env.example").read_text("utf-8") == env_example(), "see CONTRIBUTING.md"


def test_every_provider_has_fixtures_and_every_fixture_a_provider() -> None:
    adapters = {path.stem for path in (ROOT / "app/providers").glob("[a-z]*.py")}
    assert {path.parent.name for path in (HERE / "providers").glob("*/*.json")} == adapters
    assert {*KEYLESS_PROVIDERS, *KEYED_PROVIDERS} == adapters


def test_hardly_anything_is_patched() -> None:
    patch = re.compile(r"unittest\.mock|MagicMock|monkeypatch\.setattr|mocker\.")
    found = [
        f"{path}: {line.strip()}"
        for path in modules("tests")
        if path.name != "test_house.py"
        for line in (ROOT / path).read_text("utf-8").splitlines()
        if patch.search(line)
    ]
    assert len(found) <= PATCHES_AT_MOST, found


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    put_off = re.compile(r"pytest\.(mark\.)?(skip|xfail|importorskip)")
    assert not [
        str(path)
        for path in modules("tests", "app", "integrations")
        if path.name != "test_house.py" and put_off.search((ROOT / path).read_text("utf-8"))
    ]


def test_the_lock_names_no_place_and_pins_by_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    assert not REGISTRY.findall(lock)
    pinned = re.findall(r"^[a-z0-9._-]+==", lock, re.MULTILINE | re.IGNORECASE)
    assert len(pinned) > 30
    assert lock.count("--hash=sha256:") >= len(pinned)


def test_the_lock_of_what_runs_on_node_names_no_place_and_pins_by_hash() -> None:
    folder = HERE / "conformance"
    asked = orjson.loads((folder / "package.json").read_bytes())
    packages = orjson.loads((folder / "package-lock.json").read_bytes())["packages"]
    direct = asked["dependencies"] | asked["optionalDependencies"]
    assert all(re.fullmatch(r"\d[\w.-]+", version) for version in direct.values()), direct
    del packages[""]
    assert not [name for name, one in packages.items() if "resolved" in one]
    assert not [name for name, one in packages.items() if "integrity" not in one]


def test_ci_runs_the_tests_as_the_readme_says() -> None:
    ci = (ROOT / ".ci/run").read_text("utf-8")
    assert "make test\nmake test-mcp\n" in ci
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "make run" in readme
    assert "make test" in readme
    assert "make test-mcp" in readme
