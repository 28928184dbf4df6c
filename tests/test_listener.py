"""PostgreSQL's own bell: heard on every machine, and again after the connection broke."""

import threading

from app.database import Database, ring
from app.listener import Listener
from tests.fakes.servers import Postgres

OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'"


def test_a_bell_that_a_commit_rings_is_heard_even_after_the_connection_broke(
    postgres: Postgres,
) -> None:
    url = postgres.empty("service_0")
    database, heard = Database(url), threading.Semaphore(0)
    listener = Listener(url, "worker", heard.release)
    assert heard.acquire(timeout=10)  # it looks once when it begins
    database.write(lambda db: ring(db, "worker")).result()
    assert heard.acquire(timeout=10)
    postgres.run("service_0", OTHERS)
    assert heard.acquire(timeout=10)  # it looks again when it is back
    listener.close()
    database.close()


def test_a_write_waits_for_a_server_that_ended_its_connections(postgres: Postgres) -> None:
    database = Database(postgres.bare("bare"))
    database.migrate()
    mine = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'bare'"
    postgres.run("postgres", mine)
    assert database.write(lambda db: db.exec_driver_sql("SELECT 1").scalar_one()).result() == 1
    postgres.run("postgres", mine)
    assert database.read(lambda db: db.exec_driver_sql("SELECT 1").scalar_one()) == 1
    database.close()
