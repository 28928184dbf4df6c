"""Celery on Redis with tenacity.

Tuned as https://docs.celeryq.dev/en/stable/userguide/optimizing.html and concurrency advise, read
2026-11-21: threads for work that waits, results ignored where nobody reads them, one task fetched
ahead per thread.
"""

import json
import os
import time

import requests
from celery import Celery
from fastapi import FastAPI
from redis import Redis
from requests.adapters import HTTPAdapter
from tenacity import retry, stop_after_attempt, wait_exponential_jitter

THREADS = 128

celery = Celery("peer", broker=os.environ["REDIS_URL"])
celery.conf.update(
    task_ignore_result=True,
    worker_pool="threads",
    worker_concurrency=THREADS,
    worker_prefetch_multiplier=1,
    broker_pool_limit=40,
    worker_hijack_root_logger=False,
)
redis = Redis.from_url(os.environ["REDIS_URL"])
session = requests.Session()
session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=THREADS))
session.headers["x-api-key"] = os.environ["PROVIDER_KEY"]
app = FastAPI()


@retry(stop=stop_after_attempt(4), wait=wait_exponential_jitter(initial=1, max=16), reraise=True)
def look_up(email: str) -> dict:
    answer = session.get(os.environ["PROVIDER_URL"], params={"email": email}, timeout=10)
    answer.raise_for_status()
    return answer.json()


@celery.task
def run(email: str) -> None:
    found = look_up(email)
    row = {"finished_at": time.time(), "found": found}
    redis.hset("results", email, json.dumps(row))


@app.post("/enrich", status_code=202)
def enrich(body: dict) -> dict:
    return {"job_id": run.delay(body["email"]).id}
