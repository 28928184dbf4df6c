"""Notes every name that a process resolves, by whichever of the ways it has.

A process does so from its first moment when a folder with SITE as `sitecustomize.py` comes first
on its PYTHONPATH.
"""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.asyncresolver
import uvloop

NOTES = "resolved.txt"
"""In the working directory: one line for each time, with the names that were asked for."""

SITE = "from tests.fakes.names import note\n\nnote()\n"

_WAYS: tuple[tuple[Any, str], ...] = (
    (socket, "getaddrinfo"),
    (asyncio.BaseEventLoop, "getaddrinfo"),
    (uvloop.Loop, "getaddrinfo"),
    (dns.asyncresolver.Resolver, "resolve"),
)


def note() -> None:
    """Begin to note names in this process."""
    for owner, way in _WAYS:
        setattr(owner, way, _noting(getattr(owner, way)))


def _noting(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(*asked: Any, **options: Any) -> Any:
        with Path(NOTES).open("a") as notes:
            notes.write(f"{[one for one in asked if isinstance(one, str | bytes)]}\n")
        return original(*asked, **options)

    return resolve
