"""The spans of a batch: one for each event, below the one that published it. What follows goes on from there."""

from dataclasses import replace

from aiokafka import ConsumerRecord

from sendto.events.envelope import CustomerEvent
from sendto.runtime.tracing import Kind, Span, Tracer


class BatchSpans:
    """Begun while the batch is decoded; a batch that is not taken is read again, and its first spans are forgotten."""

    def __init__(self, tracer: Tracer | None) -> None:
        self._tracer = tracer
        self._spans: list[Span] = []

    def begin(self, record: ConsumerRecord, event: CustomerEvent) -> CustomerEvent:
        """The event, with the context of its span; without a tracer as it is."""
        if self._tracer is None:
            return event
        span = self._tracer.begin(f"process {record.topic}", Kind.CONSUMER, parent=event.traceparent)
        span.tell(
            {
                "messaging.system": "kafka",
                "messaging.destination.name": record.topic,
                "messaging.destination.partition.id": str(record.partition),
                "messaging.kafka.offset": record.offset,
                "sendto.order_id": event.order_id,
                "sendto.event_id": event.id,
                "sendto.source": event.source,
            }
        )
        self._spans.append(span)
        return replace(event, traceparent=span.traceparent)

    def end(self) -> None:
        """The batch was taken."""
        for span in self._spans:
            span.end()
