"""The supervisor: real processes, real signals; time is passed in where nothing has to happen."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic

import psutil
import pytest
from typer import TyperException

from integrations.cli.up import BACK_OFF_S, STEADY_S, Child, check_port, is_answering, local_url

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20  # far more than anything here takes

WAIT = "import threading; threading.Event().wait()"
FOLLOW = f"import os; from integrations.cli.up import follow_parent; follow_parent(); {WAIT}"
SUPERVISE = """
import os, sys
from integrations.cli.up import Child, Supervisor
child = Child("web", [sys.executable, "-c", sys.argv[1]], dict(os.environ), print)
Supervisor([child], lambda: None).run()
"""
TELL_PID = "import os; print(os.getpid(), flush=True); "


def child(code: str) -> tuple[Child, list[str]]:
    told: list[str] = []
    argv = [sys.executable, "-S", "-c", code]
    return Child("web", argv, dict(os.environ), told.append), told


def dies(one: Child, now: float) -> None:
    """Start the child, wait until it has died, and let the supervisor notice."""
    one.tend(now)
    assert one.process is not None
    one.process.wait(PATIENCE_S)
    one.tend(now)


def test_a_child_that_died_is_started_again_later_each_time() -> None:
    one, told = child("raise SystemExit(3)")
    now, waits = 100.0, []
    for _ in range(len(BACK_OFF_S) + 1):
        dies(one, now)
        waits.append(one.due_at - now)
        now = one.due_at
    assert waits == [*BACK_OFF_S, BACK_OFF_S[-1]]
    assert told[0] == "web ended with status 3; starting it again in 0.5 s"


def test_a_child_is_not_started_before_it_is_due() -> None:
    one, _ = child("raise SystemExit(3)")
    dies(one, 100.0)
    one.tend(one.due_at - 0.1)
    assert one.process is None


def test_a_child_that_ran_for_long_starts_again_at_the_first_step() -> None:
    one, _ = child("raise SystemExit(3)")
    dies(one, 100.0)
    dies(one, 200.0)
    one.tend(300.0)
    assert one.process is not None
    one.process.wait(PATIENCE_S)
    one.tend(300.0 + STEADY_S)
    assert one.due_at == pytest.approx(300.0 + STEADY_S + BACK_OFF_S[0])


def test_a_child_that_does_not_stop_is_killed() -> None:
    one, told = child(WAIT)
    one.tend(0.0)
    process = one.process
    assert process is not None
    one.end(by=monotonic())
    assert process.returncode == -signal.SIGKILL
    assert told == ["web did not stop in time and was killed"]


def test_a_process_ends_when_its_supervisor_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", FOLLOW], cwd=ROOT, stdin=subprocess.PIPE) as one:
        assert one.stdin is not None
        one.stdin.close()
        assert one.wait(PATIENCE_S) == -signal.SIGTERM


@contextmanager
def supervised(code: str) -> Iterator[tuple["subprocess.Popen[str]", psutil.Process]]:
    """Run a supervisor over one child; yield both once the child has told its process id."""
    argv = [sys.executable, "-u", "-c", SUPERVISE, TELL_PID + code]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        try:
            yield supervisor, psutil.Process(pid)
        finally:
            supervisor.kill()


def test_a_supervisor_that_is_killed_takes_its_child_along() -> None:
    with supervised(FOLLOW) as (supervisor, one):
        supervisor.kill()
        one.wait(PATIENCE_S)
        assert not one.is_running()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_child_and_then_the_supervisor(number: signal.Signals) -> None:
    with supervised(WAIT) as (supervisor, one):
        supervisor.send_signal(number)
        assert supervisor.wait(PATIENCE_S) == 0
        assert not one.is_running()


def test_a_killed_child_comes_back() -> None:
    with supervised(WAIT) as (supervisor, one):
        one.kill()
        assert supervisor.stdout is not None
        told, pid = supervisor.stdout.readline(), supervisor.stdout.readline()
        assert told == "web ended with status -9; starting it again in 0.5 s\n"
        assert int(pid) != one.pid
        supervisor.terminate()
        assert supervisor.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_in_use_is_told_in_one_sentence_that_names_another_one(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TyperException, match=f"Port {port} is in use.*--port [0-9]+") as caught:
            check_port(host, port)
        other = int(re.findall("--port ([0-9]+)", str(caught.value))[0])
        assert other != port
        assert caught.value.exit_code == 1


def test_a_free_port_is_left_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    check_port("127.0.0.1", port)
    check_port("127.0.0.1", port)


def test_a_host_that_is_not_ours_is_told() -> None:
    with pytest.raises(TyperException, match=r"Cannot listen on 192\.0\.2\.1 port 8000"):
        check_port("192.0.2.1", 8000)


class Health(BaseHTTPRequestHandler):
    """Answers the liveness route and nothing else."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_the_web_process_counts_as_started_once_its_liveness_route_answers() -> None:
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        port = server.server_address[1]
        assert is_answering("0.0.0.0", port)
        thread.join()
    assert not is_answering("127.0.0.1", port)


def test_the_url_told_is_one_that_can_be_dialled() -> None:
    assert local_url("::", 80) == "http://[::1]:80"
    assert local_url("localhost", 80) == "http://localhost:80"
