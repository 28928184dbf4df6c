"""Processes of the benchmark: started, measured, killed and stopped."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent
LOCAL = "127.0.0.1"
START_S = 60.0


@dataclass(slots=True)
class Process:
    """One program with its children, and with those of `also` where it made itself a daemon."""

    role: str
    argv: Sequence[str]
    env: Mapping[str, str]
    folder: Path
    also: list[int] = field(default_factory=list)
    _running: "subprocess.Popen[bytes] | None" = None
    _before_s: float = 0.0  # CPU of runs that have ended

    def start(self) -> None:
        """Start it; what it prints goes into a log in its folder."""
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                self.argv,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], **self.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def log(self) -> Path:
        """Return where its output goes."""
        return self.folder / f"{self.role}.log"

    @property
    def pid(self) -> int:
        """Return its process id."""
        assert self._running
        return self._running.pid

    def family(self) -> list[psutil.Process]:
        """Return it and its children."""
        found: list[psutil.Process] = []
        for pid in (self.pid, *self.also):
            try:
                one = psutil.Process(pid)
                found += [one, *one.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
        return found

    def cpu_s(self) -> float:
        """Return the CPU time it and its children have used so far, in seconds."""
        return self._before_s + sum(_cpu_s(one) for one in self.family())

    def kill(self) -> None:
        """End it as a crash would, with its children."""
        self._before_s = self.cpu_s()
        os.killpg(self.pid, signal.SIGKILL)
        assert self._running
        self._running.wait()

    def stop(self) -> None:
        """Ask it to end; kill what is still there after 25 s."""
        if self._running is None or self._running.poll() is not None:
            return
        self._running.terminate()
        try:
            self._running.wait(25)
        except subprocess.TimeoutExpired:
            self.kill()

    def check(self) -> None:
        """Raise RuntimeError with its last words when it has ended."""
        if self._running and self._running.poll() is not None:
            raise RuntimeError(f"{self.role} ended: {self.log.read_text()[-2000:]}")


@dataclass(slots=True)
class Group:
    """Processes that belong together, stopped in reverse order."""

    processes: list[Process] = field(default_factory=list)

    def run(self, process: Process) -> Process:
        """Start one more."""
        self.processes.append(process)
        process.start()
        return process

    def stop(self) -> None:
        """Stop all."""
        while self.processes:
            self.processes.pop().stop()


def _cpu_s(process: psutil.Process) -> float:
    try:
        used = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(used.user + used.system)


def free_port() -> int:
    """Return a port nobody listens to."""
    with socket.socket() as one:
        one.bind((LOCAL, 0))
        port: int = one.getsockname()[1]
        return port


def is_open(port: int) -> bool:
    """Tell whether somebody listens."""
    with socket.socket() as one:
        return one.connect_ex((LOCAL, port)) == 0


def wait_until(
    is_so: Callable[[], bool], what: str, *among: Process, timeout_s: float = START_S
) -> None:
    """Look again and again. Raises RuntimeError when time ran out or a process has ended."""
    end = time.monotonic() + timeout_s
    while not is_so():
        for process in among:
            process.check()
        if time.monotonic() > end:
            raise RuntimeError(f"waited {timeout_s:g} s for {what}")
        time.sleep(0.05)
