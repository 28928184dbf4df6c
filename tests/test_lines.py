"""A line of the log says the same, whether it is made the short way or by the library."""

import json
import logging
from typing import Any

import pytest
from pythonjsonlogger.json import JsonFormatter

from integrations.runtime import Lines

FORM = "{levelname}{name}{message}"


@pytest.mark.parametrize("extra", [{}, {"job_id": "job_1", "ms": 3, "outcome": None}])
def test_a_line_is_the_librarys_own(extra: dict[str, Any]) -> None:
    log = logging.getLogger("warmcall.test")
    record = log.makeRecord(
        log.name, logging.INFO, __file__, 1, "caf\u00e9 %s\n", ("x",), None, extra=extra
    )
    short = Lines(FORM, style="{", timestamp=True).format(record)
    assert short == JsonFormatter(FORM, style="{", timestamp=True).format(record)
    assert json.loads(short).items() >= {"message": "caf\u00e9 x\n", **extra}.items()


def test_a_traceback_is_told() -> None:
    log = logging.getLogger("warmcall.test")
    try:
        raise ValueError("broken")
    except ValueError as exc:
        told = (type(exc), exc, exc.__traceback__)
    record = log.makeRecord(log.name, logging.ERROR, __file__, 1, "no", (), told)
    line = json.loads(Lines(FORM, style="{", timestamp=True).format(record))
    assert "ValueError: broken" in line["exc_info"]
