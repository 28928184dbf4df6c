"""taskiq on Redis with aiohttp.

Tuned: one worker process, as for everybody here, `--max-async-tasks` raised, the list broker (the
fastest one taskiq-redis offers, without acknowledgements), no result backend where nobody reads
results (https://taskiq-python.github.io/guide/cli.html, read 2026-11-21).
"""

import json
import os
import time
from contextlib import asynccontextmanager

import aiohttp
from fastapi import FastAPI
from redis.asyncio import Redis
from taskiq import SimpleRetryMiddleware, TaskiqEvents, TaskiqState
from taskiq_redis import ListQueueBroker

AT_ONCE = 500

broker = ListQueueBroker(os.environ["REDIS_URL"]).with_middlewares(
    SimpleRetryMiddleware(default_retry_count=4)
)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def startup(state: TaskiqState) -> None:
    headers = {"x-api-key": os.environ["PROVIDER_KEY"]}
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    state.http = aiohttp.ClientSession(headers=headers, connector=connector)
    state.redis = Redis.from_url(os.environ["REDIS_URL"])


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def shutdown(state: TaskiqState) -> None:
    await state.http.close()
    await state.redis.aclose()


@broker.task(retry_on_error=True)
async def run(email: str) -> None:
    state = broker.state
    async with state.http.get(os.environ["PROVIDER_URL"], params={"email": email}) as answer:
        answer.raise_for_status()
        found = await answer.json()
    row = {"finished_at": time.time(), "found": found}
    await state.redis.hset("results", email, json.dumps(row))


@asynccontextmanager
async def lifespan(_: FastAPI):
    await broker.startup()
    yield
    await broker.shutdown()


app = FastAPI(lifespan=lifespan)


@app.post("/enrich", status_code=202)
async def enrich(body: dict) -> dict:
    task = await run.kiq(body["email"])
    return {"job_id": task.task_id}
