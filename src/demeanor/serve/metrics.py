"""What is counted: numbers, routes and states; no content, no names, no keys."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """The counters of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)

        def make(kind: Any, name: str, what: str, *labels: str, **more: Any) -> Any:
            return kind(f"demeanor_{name}", what, labels, registry=self.registry, **more)

        self.requests = make(Counter, "requests", "Requests answered.", "method", "route", "status")
        self.seconds = make(Histogram, "request_seconds", "Until the last byte.", "route", buckets=_SECONDS)
        self.received = make(Counter, "received_bytes", "Bytes of request bodies.")
        self.jobs = make(Gauge, "jobs", "Jobs kept, by state.", "state")
        self.finished = make(Counter, "jobs_finished", "Jobs finished here.", "state")
        self.job_seconds = make(Histogram, "job_seconds", "From the start of a job to its end.", buckets=_SECONDS)
        self.replaced = make(Counter, "workers_replaced", "Worker processes replaced.", "why")
        self.workers = make(Gauge, "workers_ready", "Worker processes that could read at once.")
        self.lives = make(Gauge, "live_sessions", "Live sessions that are not finished.")
        self.texts = make(Gauge, "texts_waiting", "Short texts that wait to be read.")

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)
