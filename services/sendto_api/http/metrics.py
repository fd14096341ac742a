"""How many requests there were, how long they took, how many are under way: by route, never by address."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram
from starlette.types import Receive, Scope, Send
from starlette_exporter import PrometheusMiddleware


class RequestMetrics:
    """The library's metrics; its middleware would look for each request's route once more."""

    def __init__(self, service: str) -> None:
        library = PrometheusMiddleware(_nothing, app_name=service, prefix="sendto_http")
        requests: Counter = library.request_count
        seconds: Histogram = library.request_time
        under_way: Gauge = library.requests_in_progress

        @cache
        def counted(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
            labels = (method, route, status, service)
            return requests.labels(*labels), seconds.labels(*labels)

        self._counted = counted
        self._under_way = cache(lambda method: under_way.labels(method, service))

    def began(self, method: str) -> None:
        """A request came."""
        self._under_way(method).inc()

    def ended(self, method: str, route: str | None, status: int, took_s: float) -> None:
        """It was answered; what no route took is not counted."""
        self._under_way(method).dec()
        if route is not None:
            requests, seconds = self._counted(method, route, status)
            requests.inc()
            seconds.observe(took_s)


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """What the library's middleware would stand around."""
