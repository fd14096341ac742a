"""Traces over OTLP, by OpenTelemetry's own library. Imported only where an endpoint is configured."""

import os
import socket
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, get_current_span, set_span_in_context
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sendto.runtime.settings import TelemetrySettings
from sendto.runtime.tracing import Attribute, Kind, Span

_FLUSH_MS = 3_000
_EXPORT_TIMEOUT_S = 5
_KINDS = {
    Kind.SERVER: SpanKind.SERVER,
    Kind.PRODUCER: SpanKind.PRODUCER,
    Kind.CONSUMER: SpanKind.CONSUMER,
    Kind.CLIENT: SpanKind.CLIENT,
}
_PROPAGATOR = TraceContextTextMapPropagator()


class OtlpSpan:
    """A span that is exported once it has ended."""

    def __init__(self, span: OtelSpan) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        """The W3C trace context that what follows from it carries."""
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, set_span_in_context(self._span))
        return carrier["traceparent"]

    def tell(self, attributes: Mapping[str, Attribute]) -> None:
        """Add attributes, named by OpenTelemetry's conventions or `sendto.…`; those that are None are left out."""
        if self._span.is_recording():
            self._span.set_attributes({name: value for name, value in attributes.items() if value is not None})

    def name(self, name: str) -> None:
        """Give it another name."""
        self._span.update_name(name)

    def end(self, *, failed: str | None = None) -> None:
        """It is over; `failed` names in a word what went wrong."""
        if failed is not None:
            self._span.set_status(Status(StatusCode.ERROR, failed))
        self._span.end()


class OtlpTracer:
    """Sends spans to a collector, some at a time, by a thread of its own; a collector that is away costs spans only."""

    def __init__(self, settings: TelemetrySettings, *, service: str) -> None:
        endpoint = (settings.otlp_endpoint or "").rstrip("/")
        exporter = OTLPSpanExporter(
            endpoint=f"{endpoint}/v1/traces", headers=_headers(settings), timeout=_EXPORT_TIMEOUT_S
        )
        resource = Resource.create(
            {
                "service.name": f"sendto-{service}",
                "service.version": version("sendto"),
                "service.instance.id": f"{socket.gethostname()}/{os.getpid()}",
            }
        )
        sampler = ParentBased(TraceIdRatioBased(settings.sample_ratio))
        self._provider = TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("sendto", version("sendto"))

    def begin(self, name: str, kind: Kind, *, parent: str | None, links: Sequence[str] = ()) -> Span:
        """Begin a span below the one that `parent`, a traceparent, names; without a good one it begins a trace."""
        context = set_span_in_context(get_current_span(_PROPAGATOR.extract({"traceparent": parent or ""})))
        linked = [Link(found) for found in map(_context, links) if found.is_valid]
        return OtlpSpan(self._tracer.start_span(name, context, _KINDS[kind], links=linked))

    def close(self) -> None:
        """Send what is left, for a few seconds at most. Blocks."""
        self._provider.force_flush(_FLUSH_MS)
        self._provider.shutdown()


def _context(traceparent: str) -> SpanContext:
    return get_current_span(_PROPAGATOR.extract({"traceparent": traceparent})).get_span_context()


def _headers(settings: TelemetrySettings) -> dict[str, str]:
    given = settings.otlp_headers.get_secret_value() if settings.otlp_headers else ""
    pairs = (pair.partition("=") for pair in given.split(",") if "=" in pair)
    return {name.strip(): value.strip() for name, _, value in pairs}
