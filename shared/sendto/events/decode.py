"""From a Kafka record to a customer's event, or to the reason why it is none. Pure; never raises.

CloudEvents 1.0, Kafka protocol binding: binary mode (`ce_` headers) and structured mode
(`application/cloudevents+json`). A null value with a valid key is a tombstone and means `customer.deleted`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from sendto.events.customer import ORDER_ID_MAX, RFC_3339, CustomerData, DeletedData
from sendto.events.envelope import ORDERVERSION_MAX, CustomerEvent, EventType

MAX_EVENT_BYTES = 65_536
"""key, value and headers together"""
_MAX_ATTRIBUTE_CHARACTERS = 1_024
_STRUCTURED = "application/cloudevents+json"
_KEY = re.compile(rb"[1-9][0-9]{0,18}")
_DIGITS = re.compile(r"[0-9]{1,19}")
_TYPES = {str(kind): kind for kind in EventType}
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

Headers = Sequence[tuple[str, bytes | None]]
"""a header's value may be null"""


class RejectReason(StrEnum):
    """Why a record is no event of ours: a closed list."""

    TOO_LARGE = "too_large"
    KEY_MISSING = "key_missing"
    KEY_INVALID = "key_invalid"
    KEY_MISMATCH = "key_mismatch"
    CONTENT_TYPE = "content_type"
    ATTRIBUTE_MISSING = "attribute_missing"
    ATTRIBUTE_INVALID = "attribute_invalid"
    TYPE_UNKNOWN = "type_unknown"
    JSON_INVALID = "json_invalid"
    DATA_INVALID = "data_invalid"
    SOURCE_NOT_ALLOWED = "source_not_allowed"
    UNVERSIONED = "unversioned"
    """it carries no orderversion, and a version is known that was carried"""
    NOT_STORABLE = "not_storable"
    """the database refuses its data"""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a record was rejected; `detail` holds names of members, never their values."""

    reason: RejectReason
    detail: str
    source: str | None = None
    order_id: int | None = None


class _Rejected(Exception):  # noqa: N818 - carries a rejection out of the decoding functions
    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def decode(
    key: bytes | None, value: bytes | None, headers: Headers, *, max_bytes: int = MAX_EVENT_BYTES
) -> CustomerEvent | Rejection:
    """The event in a record, or why there is none."""
    attributes: dict[str, Any] = {}
    try:
        _check_size(key, value, headers, max_bytes)
        attributes, data = _open(value, headers)
        order_id = _order_id(key)
        return _event(order_id, attributes, data)
    except _Rejected as rejected:
        return Rejection(rejected.reason, rejected.detail, _safe_source(attributes), _safe_order_id(key))


def _check_size(key: bytes | None, value: bytes | None, headers: Headers, max_bytes: int) -> None:
    size = len(key or b"") + len(value or b"")
    for name, content in headers:
        size += len(name) + len(content or b"")
    if size > max_bytes:
        raise _Rejected(RejectReason.TOO_LARGE, f"{size} bytes, at most {max_bytes}")


def _order_id(key: bytes | None) -> int:
    if key is None:
        raise _Rejected(RejectReason.KEY_MISSING, "the key must be the decimal order id")
    if not _KEY.fullmatch(key) or int(key) > ORDER_ID_MAX:
        raise _Rejected(RejectReason.KEY_INVALID, "the key must be the decimal order id, without leading zero")
    return int(key)


def _open(value: bytes | None, headers: Headers) -> tuple[dict[str, Any], bytes | None]:
    """The attributes, and the data as JSON bytes; None for a tombstone."""
    named = {name.lower(): content for name, content in headers if content is not None}
    content_type = _text(named.get("content-type", b"application/json"), "content-type")
    media_type = content_type.split(";")[0].strip().lower()
    if media_type == _STRUCTURED:
        return _open_structured(value)
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise _Rejected(RejectReason.CONTENT_TYPE, "content-type must be application/json or end in +json")
    attributes = {
        name[3:]: _text(content, name) for name, content in named.items() if name.startswith("ce_") and content
    }
    if "traceparent" in named and "traceparent" not in attributes:
        attributes["traceparent"] = _text(named["traceparent"], "traceparent")
    if value is None:
        attributes.setdefault("type", EventType.DELETED)
        attributes.setdefault("id", "tombstone")
    return attributes, value


def _open_structured(value: bytes | None) -> tuple[dict[str, Any], bytes]:
    if value is None:
        raise _Rejected(RejectReason.CONTENT_TYPE, "a tombstone cannot be in structured mode")
    try:
        envelope = from_json(value, allow_inf_nan=False)
    except ValueError:
        raise _Rejected(RejectReason.JSON_INVALID, "the value is not JSON") from None
    if not isinstance(envelope, dict):
        raise _Rejected(RejectReason.JSON_INVALID, "the value is not a JSON object")
    if "data" not in envelope:
        raise _Rejected(RejectReason.ATTRIBUTE_MISSING, "data is missing")
    return envelope, to_json(envelope.pop("data"))


def _event(order_id: int, attributes: dict[str, Any], data: bytes | None) -> CustomerEvent:
    if attributes.get("specversion", "1.0") != "1.0":
        raise _Rejected(RejectReason.ATTRIBUTE_INVALID, "specversion must be 1.0")
    kind = _required(attributes, "type")
    if kind not in _TYPES:
        raise _Rejected(RejectReason.TYPE_UNKNOWN, "type must be customer.created, .updated or .deleted")
    event_type = _TYPES[kind]
    source, event_id = _required(attributes, "source"), _required(attributes, "id")
    time, version = _time(attributes), _orderversion(attributes)
    deleted = event_type is EventType.DELETED
    if data is None and not deleted:
        raise _Rejected(RejectReason.JSON_INVALID, "the value is null")
    body = _data(data, order_id, deleted=deleted) if data is not None else None
    state = body if isinstance(body, CustomerData) else None
    return CustomerEvent(
        type=event_type,
        id=event_id,
        source=source,
        order_id=order_id,
        time=time,
        orderversion=version,
        customer=state.customer if state else None,
        order=body.order if body else None,
        changed=state.changed if state else (),
        traceparent=_optional(attributes, "traceparent"),
    )


def _data(data: bytes, order_id: int, *, deleted: bool) -> CustomerData | DeletedData:
    model: type[CustomerData | DeletedData] = DeletedData if deleted else CustomerData
    try:
        body = model.model_validate_json(data)
    except ValidationError as error:
        raise _Rejected(*_problem(error)) from None
    if body.order_id != order_id:
        raise _Rejected(RejectReason.KEY_MISMATCH, "the key is not data.order_id")
    return body


def _problem(error: ValidationError) -> tuple[RejectReason, str]:
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    if problems[0]["type"] == "json_invalid":
        return RejectReason.JSON_INVALID, "the value is not JSON"
    told = [f"{'.'.join(str(part) for part in problem['loc']) or 'data'}: {problem['msg']}" for problem in problems[:5]]
    return RejectReason.DATA_INVALID, "; ".join(told)


def _required(attributes: dict[str, Any], name: str) -> str:
    value = _optional(attributes, name)
    if value is None:
        raise _Rejected(RejectReason.ATTRIBUTE_MISSING, f"{name} is missing")
    return value


def _optional(attributes: dict[str, Any], name: str) -> str | None:
    value = attributes.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > _MAX_ATTRIBUTE_CHARACTERS:
        raise _Rejected(RejectReason.ATTRIBUTE_INVALID, f"{name} must be a text of 1 to {_MAX_ATTRIBUTE_CHARACTERS}")
    if _UNSTORABLE.search(value):
        raise _Rejected(RejectReason.ATTRIBUTE_INVALID, f"{name} contains NUL or a lone surrogate")
    return value


def _time(attributes: dict[str, Any]) -> datetime | None:
    value = _optional(attributes, "time")
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None or not RFC_3339.fullmatch(value):
        raise _Rejected(RejectReason.ATTRIBUTE_INVALID, "time must be an RFC 3339 timestamp")
    return time


def _orderversion(attributes: dict[str, Any]) -> int | None:
    value = attributes.get("orderversion")
    if value is None:
        return None
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= ORDERVERSION_MAX:
        raise _Rejected(RejectReason.ATTRIBUTE_INVALID, f"orderversion must be an integer from 0 to {ORDERVERSION_MAX}")
    return value


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise _Rejected(RejectReason.ATTRIBUTE_INVALID, f"{name} is not UTF-8") from None


def _safe_source(attributes: dict[str, Any]) -> str | None:
    try:
        return _optional(attributes, "source")
    except _Rejected:
        return None


def _safe_order_id(key: bytes | None) -> int | None:
    try:
        return _order_id(key)
    except _Rejected:
        return None
