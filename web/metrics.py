"""Numbers for Prometheus: what the database holds, read when asked, and how long requests take."""

import logging
import time
from collections.abc import Iterator

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from store import clock
from store.queries.overview import counts, last_sweep

log = logging.getLogger(__name__)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """A registry of its own for each app, so that two apps in one process do not meet."""

    def __init__(self, engine: sa.Engine) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Database(engine))
        self.requests = Histogram(
            "tenure_request_seconds", "How long requests took", ("method", "route", "status"), registry=self._registry
        )

        self.mail_events = Counter(
            "tenure_mail_events",
            "Events that mail providers told, by what became of them; settled: mails not known to have left before",
            ("provider", "became"),
            registry=self._registry,
        )

        self._refusals = Counter(
            "tenure_hook_refusals",
            "Posts to our hooks that were not taken, by why",
            ("hook", "why"),
            registry=self._registry,
        )

    def refused(self, path: str, why: str) -> None:
        """A post to a hook was not taken; other addresses are counted as requests alone."""
        hook = next((name for name in _HOOKS if path.startswith(f"/hooks/{name}")), None)
        if hook is not None:
            log.warning("a post to the hook %s was refused: %s", hook, why)
            self._refusals.labels(hook, why).inc()

    def text(self) -> bytes:
        return generate_latest(self._registry)


class Measured:
    """Notes how long each request took, by route and not by address."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 500, time.perf_counter()

        async def noticing(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noticing)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            # Anybody can make up methods; each would be a series for ever.
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(method, route, status).observe(time.perf_counter() - began)


_HOOKS = ("sendgrid", "replies")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class _Database(Collector):
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def describe(self) -> Iterator[Metric]:
        # Without this, registering would ask the database.
        return iter(())

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("tenure_database_up", "1 while PostgreSQL answers")
        try:
            families = self._read()
        except sa.exc.SQLAlchemyError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from families

    def _read(self) -> list[Metric]:
        with self._engine.connect() as conn:
            now = clock.now(conn)
            found, swept = counts(conn, now), last_sweep(conn)
        runs = {"open": found.runs_open, "stuck": found.runs_stuck, "ended": sum(found.runs_ended.values())}
        families: list[Metric] = [
            _by_state("tenure_runs", "Runs by state; stuck ones are open as well", runs),
            _by_state("tenure_mails", "Mails by state", dict(found.mails)),
            GaugeMetricFamily("tenure_accounts", "Accounts", value=found.accounts),
            GaugeMetricFamily("tenure_crossings_held", "Crossings that wait for an obstacle to go", value=found.held),
            GaugeMetricFamily("tenure_tasks_open", "Open tasks", value=found.tasks_open),
            GaugeMetricFamily("tenure_tasks_overdue", "Open tasks past their due date", value=found.tasks_overdue),
            GaugeMetricFamily("tenure_steps_failed", "Acts that failed for good", value=found.steps_failed),
            GaugeMetricFamily(
                "tenure_outbox_waiting", "Starts and facts not yet delivered", value=found.outbox_waiting
            ),
        ]
        if swept is not None:
            age = (now - swept).total_seconds()
            families.append(
                GaugeMetricFamily("tenure_sweep_age_seconds", "Since the instant of the last sweep", value=age)
            )
        return families


def _by_state(name: str, says: str, values: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, says, labels=("state",))
    for state, value in sorted(values.items()):
        family.add_metric([state], value)
    return family
