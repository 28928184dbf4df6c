"""The service's numbers for Prometheus: what the store knows, and what this process answered."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.views import EndedView, Gauges

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SECONDS = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 21, 34, 60, 120)
"""Upper bounds of the latency buckets: a card is promised in seconds, so they lie close there."""

CONFIDENCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9, 1.0)

LAG = timedelta(seconds=10)
"""How long after its end a job may become visible: each scrape looks back this far again."""

Numbers = dict[tuple[str, ...], float]


class Metrics:
    """One registry per service; nothing is global, so two services in one process do not mix.

    `ended(since)` lists jobs that ended after a moment, oldest first, some at a time: the
    histograms grow by them at each scrape, so they are right whichever process did the work.
    They begin at `since`.
    """

    def __init__(
        self,
        gauges: Callable[[], Gauges],
        ended: Callable[[datetime], Sequence[EndedView]],
        since: datetime,
    ) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(StoreCollector(gauges))
        self._ended, self._start, self._since = ended, since, since
        self._counted = set[tuple[datetime, float]]()
        self._requests = Counter(
            "enrichment_requests",
            "Requests for a card, by surface and by status of the job or code of the problem.",
            ("surface", "outcome"),
            registry=self.registry,
        )
        self._latency = Histogram(
            "enrichment_latency_seconds",
            "Seconds from the request for a card to the end of its job.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._confidence = Histogram(
            "enrichment_confidence",
            "How sure the facts shown on finished cards are.",
            buckets=CONFIDENCES,
            registry=self.registry,
        )

    def count(self, surface: str, outcome: str) -> None:
        """Count one request for a card."""
        self._requests.labels(surface, outcome).inc()

    def text(self) -> bytes:
        """Return everything in the text format. Asks the store; not for two threads at once."""
        self._observe_ended()
        return generate_latest(self.registry)

    def _observe_ended(self) -> None:
        since, seen = self._since - LAG, set[tuple[datetime, float]]()
        while jobs := self._ended(since):
            for job in jobs:
                seen.add((job.finished_at, job.seconds))
                if (job.finished_at, job.seconds) not in self._counted:
                    self._observe(job)
            since = jobs[-1].finished_at
        self._counted = seen
        self._since = max(self._since, since)

    def _observe(self, job: EndedView) -> None:
        if job.finished_at > self._start:
            self._latency.observe(job.seconds)
            for confidence in job.confidences:
                self._confidence.observe(confidence)


@dataclass(frozen=True)
class StoreCollector(Collector):
    """Numbers that the store keeps."""

    gauges: Callable[[], Gauges]

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that registering does not ask the store."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Ask the store once."""
        return families(self.gauges())


def families(now: Gauges) -> list[Metric]:
    """Return the store's numbers as metric families."""
    return [
        gauge("enrichment_queue_depth", "Messages that wait for a worker.", now.queue_depth),
        gauge("warmcall_workers", "Workers alive.", now.workers),
        gauge(
            "warmcall_deliveries_pending", "Deliveries not accepted yet.", now.deliveries_pending
        ),
        labelled(
            GaugeMetricFamily(
                "enrichment_jobs",
                "Jobs by status: those under way, and those that ended in the last 24 h.",
                labels=["status"],
            ),
            {(status,): count for status, count in now.jobs.items()},
        ),
        labelled(
            GaugeMetricFamily(
                "provider_breaker_state",
                "1 for the state a provider's circuit breaker is in.",
                labels=["provider", "state"],
            ),
            dict.fromkeys(now.breakers.items(), 1),
        ),
        labelled(
            CounterMetricFamily(
                "provider_credits", "Credits spent at a provider.", labels=["provider"]
            ),
            {(provider,): spent for provider, spent in now.credits.items()},
        ),
        labelled(
            CounterMetricFamily(
                "provider_attempts",
                "Times a provider was asked, by outcome.",
                labels=["provider", "outcome"],
            ),
            {labels: float(count) for labels, count in now.attempts.items()},
        ),
        labelled(
            CounterMetricFamily(
                "provider_seconds", "Seconds waited for a provider.", labels=["provider"]
            ),
            {(provider,): seconds for provider, seconds in now.latency_s.items()},
        ),
    ]


def gauge(name: str, meaning: str, value: float) -> Metric:
    """Return a family of one number."""
    return GaugeMetricFamily(name, meaning, value=value)


def labelled(family: GaugeMetricFamily | CounterMetricFamily, numbers: Numbers) -> Metric:
    """Fill a family with numbers by label values."""
    for labels, number in numbers.items():
        family.add_metric(labels, number)
    return family
