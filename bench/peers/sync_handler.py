"""The synchronous webhook handler: the caller waits while a thread of FastAPI asks the provider.

Tuned: as many threads as Celery gets below, and as many pooled connections.
"""

import json
import os
import time
from contextlib import asynccontextmanager

import requests
from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from redis import Redis
from requests.adapters import HTTPAdapter
from tenacity import retry, stop_after_attempt, wait_exponential_jitter

THREADS = 128

redis = Redis.from_url(os.environ["REDIS_URL"])
session = requests.Session()
session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=THREADS))
session.headers["x-api-key"] = os.environ["PROVIDER_KEY"]


@asynccontextmanager
async def lifespan(_: FastAPI):
    current_default_thread_limiter().total_tokens = THREADS
    yield


app = FastAPI(lifespan=lifespan)


@retry(stop=stop_after_attempt(4), wait=wait_exponential_jitter(initial=1, max=16), reraise=True)
def look_up(email: str) -> dict:
    answer = session.get(os.environ["PROVIDER_URL"], params={"email": email}, timeout=10)
    answer.raise_for_status()
    return answer.json()


@app.post("/enrich")
def enrich(body: dict) -> dict:
    found = look_up(body["email"])
    row = {"finished_at": time.time(), "found": found}
    redis.hset("results", body["email"], json.dumps(row))
    return found
