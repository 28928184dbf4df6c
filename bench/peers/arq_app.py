"""arq on Redis with aiohttp.

Tuned: `max_jobs` and `poll_delay` raised from their defaults of 10 and 0.5 s
(https://arq-docs.helpmanual.io/, read 2026-11-21), results not kept where nobody reads them, and
the prospect as job id, which is arq's own way not to run the same job twice at once.
"""

import json
import os
import time
from contextlib import asynccontextmanager

import aiohttp
from arq import Retry, create_pool
from arq.connections import RedisSettings
from fastapi import FastAPI

REDIS = RedisSettings.from_dsn(os.environ["REDIS_URL"])
AT_ONCE = 500


async def run(ctx: dict, email: str) -> None:
    async with ctx["http"].get(os.environ["PROVIDER_URL"], params={"email": email}) as answer:
        if answer.status != 200:
            raise Retry(defer=4 ** (ctx["job_try"] - 1))
        found = await answer.json()
    row = {"finished_at": time.time(), "found": found}
    await ctx["redis"].hset("results", email, json.dumps(row))


async def startup(ctx: dict) -> None:
    headers = {"x-api-key": os.environ["PROVIDER_KEY"]}
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    ctx["http"] = aiohttp.ClientSession(headers=headers, connector=connector)


async def shutdown(ctx: dict) -> None:
    await ctx["http"].close()


class WorkerSettings:
    functions = (run,)
    on_startup = startup
    on_shutdown = shutdown
    redis_settings = REDIS
    max_jobs = AT_ONCE
    max_tries = 4
    poll_delay = 0.02
    keep_result = 0


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.queue = await create_pool(REDIS)
    yield
    await app.state.queue.aclose()


app = FastAPI(lifespan=lifespan)


@app.post("/enrich", status_code=202)
async def enrich(body: dict) -> dict:
    email = body["email"]
    job = await app.state.queue.enqueue_job("run", email, _job_id=email)
    return {"job_id": job.job_id if job else email}
