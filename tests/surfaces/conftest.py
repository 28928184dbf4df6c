"""What the tests of all surfaces share."""

from collections.abc import Callable
from typing import Any

import pytest

from app.providers.sandbox import Sandbox


@pytest.fixture
def service(make: Callable[..., Any]) -> Any:
    """The core with the sandbox as its only provider."""
    return make(Sandbox())
