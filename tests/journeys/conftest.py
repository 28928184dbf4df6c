"""One running service that several journeys share: web, worker, vendors, four callers."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.fakes.market import Person
from tests.fakes.vendors import Vendors
from tests.journeys.stack import LOCAL, Stack, installed, vendors_served

CALLERS = 4


@dataclass(frozen=True)
class Service:
    """The running service; each of `clients` has a key of its own, without a limit."""

    stack: Stack
    vendors: Vendors
    keys: tuple[str, ...]
    clients: tuple[httpx.Client, ...]

    @property
    def client(self) -> httpx.Client:
        return self.clients[0]

    @contextmanager
    def slowly_known(self, email: str, seconds: float) -> Iterator[dict[str, object]]:
        """Give a body that asks for somebody whom one vendor knows, and takes its time to tell."""
        pdl = self.vendors.pdl
        full_name = email.partition("@")[0].replace(".", " ").title()
        pdl.market.people.append(Person(email, full_name, email.partition("@")[2]))
        pdl.switches.set(slow_s=seconds)
        yield {"email": email, "fields": ["person.full_name", "person.title"]}
        pdl.switches.set(slow_s=0.0)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Install in an empty folder, with everything logged, and start it all at once."""
    vendors = Vendors()
    for name, vendor in vendors.by_name().items():
        vendor.key = f"s3cret-of-{name}"
    options = {
        "WARMCALL_PROVIDERS": "peopledatalabs,hunter,datalegion",
        "WARMCALL_CALLBACK_ALLOW": LOCAL,
        "WARMCALL_LOG_LEVEL": "DEBUG",
    }
    folder: Path = tmp_path_factory.mktemp("service")
    with vendors_served(vendors) as settings, installed(folder, **settings, **options) as stack:
        keys = tuple(stack.keys(CALLERS))
        stack.start("worker")
        stack.start_web()
        with ExitStack() as opened:
            clients = tuple(opened.enter_context(stack.client(key)) for key in keys)
            yield Service(stack, vendors, keys, clients)
