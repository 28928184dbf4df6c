"""Operators hear of trouble: once of each cause for a while, each time in a message of its own."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from app.alerts import ALERT, alert
from app.breaker import DISABLED
from app.delivery import DISABLE_AFTER, Address
from app.errors import BadSettings, DeliveryFailed
from app.gate import Gate
from app.keeper import Keeper
from app.provider import Meter, Outcome
from app.settings import Settings
from app.tables import Outbox
from tests.conftest import LEASE, Postbox
from tests.fakes.clock import Clock
from tests.fakes.oracle import oracle_named
