"""Traces: spans as our code sees them. What records them is imported only where an endpoint is configured.

A service has a `Tracer`, or None: then no span is made, and `traceparent` is passed on as it came. Attributes of spans
hold ids, names and outcomes, and never personal data: no URL, no text of an exception, no value of a customer.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from importlib.util import find_spec
from typing import Protocol

from sendto.runtime.settings import SettingsInvalid, TelemetrySettings

Attribute = str | int | float | bool | None
_VERSION_LENGTH, _TRACE_ID_LENGTH = 3, 32


class Kind(Enum):
    """Which side of a call a span is, in OpenTelemetry's words."""

    SERVER = "server"
    PRODUCER = "producer"
    CONSUMER = "consumer"
    CLIENT = "client"


class Span(Protocol):
    """A piece of work that is under way; one that is never ended is never told of."""

    @property
    def traceparent(self) -> str:
        """The W3C trace context that what follows from it carries."""
        ...

    def tell(self, attributes: Mapping[str, Attribute]) -> None:
        """Add attributes, named by OpenTelemetry's conventions or `sendto.…`; those that are None are left out."""
        ...

    def name(self, name: str) -> None:
        """Give it another name."""
        ...

    def end(self, *, failed: str | None = None) -> None:
        """It is over; `failed` names in a word what went wrong."""
        ...


class Tracer(Protocol):
    """Makes spans and sends them away."""

    def begin(self, name: str, kind: Kind, *, parent: str | None, links: Sequence[str] = ()) -> Span:
        """Begin a span below the one that `parent`, a traceparent, names; without a good one it begins a trace."""
        ...

    def close(self) -> None:
        """Send what is left, for a few seconds at most. Blocks."""
        ...


def open_tracer(settings: TelemetrySettings, *, service: str) -> Tracer | None:
    """The tracer of a service, None where no endpoint is configured.

    Raises:
        SettingsInvalid: one is, and what it takes is not installed.
    """
    if settings.otlp_endpoint is None:
        return None
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.exporter") is None:
        raise SettingsInvalid("[telemetry] otlp_endpoint is set, which needs: pip install 'sendto[tracing]'")
    from sendto.runtime.otlp import OtlpTracer  # noqa: PLC0415 - only where it is wanted

    return OtlpTracer(settings, service=service)


def trace_id(traceparent: str | None) -> str | None:
    """The trace that a traceparent belongs to, for log lines."""
    return traceparent[_VERSION_LENGTH : _VERSION_LENGTH + _TRACE_ID_LENGTH] if traceparent else None
