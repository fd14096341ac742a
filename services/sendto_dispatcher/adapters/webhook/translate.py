"""From a command to a structured CloudEvent (pure)."""

from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_jsonable_python

from sendto.sdk import Command, Operation

_TYPES = {
    Operation.CREATE: "customer.created",
    Operation.UPDATE: "customer.updated",
    Operation.DELETE: "customer.deleted",
}


def content(command: Command) -> dict[str, Any]:
    """`data` of the event: the known members, phones in both forms; without `changed`, which coalescing falsifies."""
    plain: dict[str, Any] = to_jsonable_python(_data(command))
    return plain


def _data(command: Command) -> dict[str, Any]:
    known = {"order_id": command.order_id, "customer": command.customer, "order": command.order}
    return {name: value for name, value in known.items() if value is not None}


def event(command: Command) -> dict[str, Any]:
    """The CloudEvent, its data as models.

    `sequence` is the lane's generation: receivers ignore a lower one than they hold.
    """
    body: dict[str, Any] = {
        "specversion": "1.0",
        "id": command.idempotency_key,
        "source": command.source,
        "type": _TYPES[command.operation],
        "subject": f"orders/{command.order_id}/customer",
        "time": command.occurred_at.astimezone(UTC),
        "datacontenttype": "application/json",
        "sequence": str(command.generation),
        "data": _data(command),
    }
    if command.version is not None:
        body["orderversion"] = command.version
    return body


def signing_time(now: datetime) -> datetime:
    """The attempt's time as the signature carries it: whole seconds, UTC."""
    return now.astimezone(UTC).replace(microsecond=0)
