"""A collector of traces on a socket: what it was sent over OTLP, decoded by OpenTelemetry's own messages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from infra.serving import served


@dataclass(frozen=True)
class Seen:
    """One span that arrived."""

    service: str
    span: Span

    @property
    def trace(self) -> str:
        """The id of its trace."""
        return self.span.trace_id.hex()

    @property
    def id(self) -> str:
        """Its own id."""
        return self.span.span_id.hex()

    @property
    def parent(self) -> str:
        """The id of the span above it."""
        return self.span.parent_span_id.hex()

    @property
    def links(self) -> list[str]:
        """The traces that it is linked to."""
        return [link.trace_id.hex() for link in self.span.links]

    @property
    def attributes(self) -> dict[str, Any]:
        """What it tells."""
        return {
            one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value") for one in self.span.attributes
        }


@dataclass
class Collector:
    """What arrived so far."""

    url: str = ""
    spans: list[Seen] = field(default_factory=list)
    raw: bytes = b""
    headers: list[dict[str, str]] = field(default_factory=list)

    def of(self, service: str, name: str = "") -> list[Seen]:
        """The spans of a service whose names begin like this."""
        return [one for one in self.spans if one.service == f"sendto-{service}" and one.span.name.startswith(name)]

    def take(self, body: bytes) -> None:
        """Take one export."""
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {one.key: one.value.string_value for one in resource.resource.attributes}
            self.spans += [Seen(names["service.name"], span) for scope in resource.scope_spans for span in scope.spans]


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """Run a collector for a block."""
    collector, app = Collector(), FastAPI()

    @app.post("/v1/traces")
    async def traces(request: Request) -> Response:
        collector.headers.append(dict(request.headers))
        collector.take(await request.body())
        return Response(media_type="application/x-protobuf")

    async with served(app) as url:
        collector.url = url
        yield collector
