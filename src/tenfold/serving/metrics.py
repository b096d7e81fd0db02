"""/metrics in Prometheus' text format: counts by route and status, refusals by reason, the three queues.

Base units, the prefix `tenfold_`, no label that a client chooses. All counting is on the event loop, so what
is counted is exact.
"""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tenfold.serving.engine import Engine

# OpenTelemetry's advice for http.server.request.duration, seconds
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
UNROUTED = "(none)"  # the route label of what no route matched, or was refused before
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
REASONS = (
    "body",
    "buffer",
    "concurrency",
    "connections",
    "deadline",
    "headers",
    "malformed",
    "pixels",
    "queue",
    "resources",
    "slow",
)


class Metrics:
    """One registry for each application. `observe` and `reject` belong to the event loop.

    They cost as much as all else that a refusal at a head does, of which there may be thousands a second:
    these add one to `shed`, and are not timed.
    """

    def __init__(self, engine: Engine) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "tenfold_requests", "Answered requests.", ["route", "code"], registry=self.registry
        )
        self._seconds = Histogram(
            "tenfold_request_duration_seconds",
            "From the end of a request's head to the answer.",
            ["route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._rejected = Counter(
            "tenfold_rejected",
            "Requests and connections refused for a limit.",
            ["reason"],
            registry=self.registry,
        )
        self._refusals = {reason: self._rejected.labels(reason) for reason in REASONS}
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self.shed = 0  # refused at their heads for want of room, since they were last counted
        self.working = Gauge("tenfold_requests_in_work", "Requests in work.", registry=self.registry)
        self.connections = Gauge("tenfold_connections", "Open connections.", registry=self.registry)
        self.registry.register(_Engine(engine))
        ProcessCollector(namespace="tenfold", registry=self.registry)

    def observe(self, route: str, code: int, seconds: float) -> None:
        """`route` is a path of the router's table, never a client's."""
        if (route, code) not in self._children:
            pair = self._requests.labels(route, str(code)), self._seconds.labels(route)
            self._children[route, code] = pair
        requests, duration = self._children[route, code]
        requests.inc()
        duration.observe(seconds)

    def reject(self, reason: str) -> None:
        self._refusals[reason].inc()

    def text(self) -> bytes:
        shed, self.shed = self.shed, 0
        self._requests.labels(UNROUTED, "503").inc(shed)
        self._refusals["queue"].inc(shed)
        return generate_latest(self.registry)


class _Engine(Collector):
    """What the engine knows is asked when it is wanted."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterable[Metric]:
        engine = self._engine
        yield GaugeMetricFamily("tenfold_queue_depth", "Digits that wait or are read.", engine.digits.waiting)
        yield GaugeMetricFamily(
            "tenfold_page_queue_depth", "Pages that wait or are read.", engine.pages.waiting
        )
        yield GaugeMetricFamily(
            "tenfold_errand_queue_depth", "Errands that wait or are done.", engine.errands.waiting
        )
        yield GaugeMetricFamily("tenfold_ready", "1 if the service answers.", float(engine.ready))
        info = GaugeMetricFamily("tenfold_model_info", "The loaded models.", labels=["model", "sha256"])
        for name in engine.catalogue.names:
            reader = engine.catalogue.loaded(name)
            if reader is not None:
                info.add_metric([name, reader.model.sha256], 1)
        yield info


def routes(metrics: Metrics) -> list[BaseRoute]:
    async def answer(_: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return [Route("/metrics", answer, methods=["GET"])]
