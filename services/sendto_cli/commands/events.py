"""`sendto events check`: whether events that an upstream system wants to publish hold to the contract."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sendto_cli.errors import CommandFailed
from sendto_cli.options import AsJson

if TYPE_CHECKING:
    from sendto.events.decode import Headers

_MAX_FILE_BYTES = 256 * 2**20
_STRUCTURED = b"application/cloudevents+json"
_FORM_INVALID = "form_invalid"
_STAND_IN_KEY = b"1"

_ADVICE = {
    "too_large": "Leave out what the contract does not name, and shorten long texts.",
    "key_missing": "Publish the record with data.order_id, in decimal, as its key.",
    "key_invalid": "The key is data.order_id in decimal digits and nothing else: no quotes, no leading zero.",
    "key_mismatch": "Key (in structured mode partitionkey, if given) and data.order_id must be the same number.",
    "content_type": "It is application/json in binary mode, and application/cloudevents+json in structured mode.",
    "attribute_missing": "In binary mode attributes are headers called ce_NAME, in structured mode members by data.",
    "attribute_invalid": "Attributes are CloudEvents 1.0's; orderversion is a whole number that rises with changes.",
    "type_unknown": "Types are written exactly so; nothing else belongs on this topic.",
    "json_invalid": "Values are JSON in UTF-8: no NaN, no trailing comma, no lone surrogate, no byte order mark.",
    "data_invalid": "Types are strict; the law is the JSON Schema kept in sendto/events/schemas.",
    _FORM_INVALID: 'A record is written {"key": text, "headers": {name: text}, "value": JSON or "value_base64": text}.',
}
_BARE_DATA = 'This looks like data alone: wrap it in a CloudEvent, {"specversion", "type", "source", "id", "data"}.'


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What became of one event: its type and numbers where it is good, the reason where it is not."""

    event: int
    """its place in the file, from 1"""
    ok: bool
    type: str | None = None
    order_id: int | None = None
    orderversion: int | None = None
    reason: str | None = None
    detail: str | None = None
    advice: str | None = None


class _Malformed(Exception):  # noqa: N818 - carries what is wrong out of the reading functions
    """It is not even a record that could be decoded."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    events = typer.Typer(help="The contract of the topic, for authors of upstream systems.", no_args_is_help=True)
    events.command("check")(check)
    app.add_typer(events, name="events")


def check(
    file: Annotated[
        Path,
        typer.Argument(
            allow_dash=True,
            metavar="FILE",
            help="A structured CloudEvent, a JSON array of them, or one on each line; "
            'or records {"key", "headers", "value"}. "-" reads standard input.',
        ),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Tell whether events hold to the contract, and what is wrong with those that do not."""
    import json

    checked = [check_event(number, raw) for number, raw in enumerate(split(_read(file)), start=1)]
    if not checked:
        raise CommandFailed("there are no events in it")
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in checked], indent=2))
    else:
        typer.echo("\n".join(map(_line, checked)))
    if bad := sum(not one.ok for one in checked):
        raise CommandFailed(f"{bad} of {len(checked)} would be rejected")


def split(text: bytes) -> list[bytes]:
    """The events of a file, each as its own bytes: an array's elements, else its lines, else the one it is."""
    import msgspec

    text = text.removeprefix(b"\xef\xbb\xbf").strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return []
    # Lines are events if the first one is whole; else a broken event of many lines would be told as many.
    if not _is_json(text):
        return lines if _is_json(lines[0]) else [text]
    if text.startswith(b"["):
        return [bytes(raw) for raw in msgspec.json.decode(text, type=list[msgspec.Raw])]
    return [text]


def check_event(number: int, raw: bytes) -> Checked:
    """What the dispatcher would make of one event."""
    from sendto.events.decode import Rejection, decode

    try:
        key, value, headers = _record(raw)
    except _Malformed as error:
        return _rejected(number, _FORM_INVALID, str(error))
    decoded = decode(key, value, headers)
    if isinstance(decoded, Rejection):
        advice = _BARE_DATA if _is_bare_data(raw) else None
        return _rejected(number, decoded.reason, decoded.detail, advice)
    return Checked(
        event=number,
        ok=True,
        type=str(decoded.type),
        order_id=decoded.order_id,
        orderversion=decoded.orderversion,
    )


def _rejected(number: int, reason: str, detail: str, advice: str | None = None) -> Checked:
    return Checked(event=number, ok=False, reason=str(reason), detail=detail, advice=advice or _ADVICE[reason])


def _line(one: Checked) -> str:
    if not one.ok:
        return f"{one.event}: {one.reason}: {one.detail}. {one.advice}"
    version = "no version" if one.orderversion is None else f"version {one.orderversion}"
    return f"{one.event}: ok: {one.type}, order {one.order_id}, {version}"


def _read(file: Path) -> bytes:
    import sys

    try:
        if str(file) == "-":
            text = sys.stdin.buffer.read(_MAX_FILE_BYTES + 1)
        else:
            with file.open("rb") as opened:
                text = opened.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}") from None
    if len(text) > _MAX_FILE_BYTES:
        raise CommandFailed(f"{file} is larger than {_MAX_FILE_BYTES} bytes: check it in parts")
    return text


def _is_json(text: bytes) -> bool:
    import msgspec

    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _members(raw: bytes) -> dict[str, bytes] | None:
    """An object's members, each as its own bytes, so that what is checked is what would be published."""
    import msgspec

    if not _is_json(raw) or not raw.startswith(b"{"):
        return None
    return {name: bytes(member) for name, member in msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).items()}


def _is_bare_data(raw: bytes) -> bool:
    return {"order_id", "data"} & (_members(raw) or {}).keys() == {"order_id"}


def _record(raw: bytes) -> "tuple[bytes | None, bytes | None, Headers]":
    """Key, value and headers of the record that an event would be."""
    members = _members(raw)
    if members is not None and members.keys() & {"headers", "value", "value_base64"} and "data" not in members:
        return _written_record(members)
    return _structured_key(members or {}), raw, [("content-type", _STRUCTURED)]


def _written_record(members: dict[str, bytes]) -> "tuple[bytes | None, bytes | None, Headers]":
    key, headers = _told(members, "key", None), _told(members, "headers", {})
    if not isinstance(key, str | None):
        raise _Malformed("key is neither a text nor null")
    if not isinstance(headers, dict) or not all(isinstance(content, str) for content in headers.values()):
        raise _Malformed("headers is not an object of texts")
    encoded = [(name, content.encode()) for name, content in headers.items()]
    return None if key is None else key.encode(), _written_value(members), encoded


def _written_value(members: dict[str, bytes]) -> bytes | None:
    import base64

    if ("value" in members) == ("value_base64" in members):
        raise _Malformed("it has none or both of value and value_base64")
    if "value" in members:
        return None if members["value"] == b"null" else members["value"]
    told = _told(members, "value_base64", None)
    try:
        return base64.b64decode(told, validate=True)
    except (TypeError, ValueError):
        raise _Malformed("value_base64 is not Base64") from None


def _structured_key(members: dict[str, bytes]) -> bytes:
    """The key that the record would get: partitionkey, as CloudEvents' Kafka binding has it, else the order's id."""
    from sendto.events.customer import ORDER_ID_MAX

    partition_key = _told(members, "partitionkey", None)
    if isinstance(partition_key, str):
        return partition_key.encode()
    data = _told(members, "data", None)
    order_id = data.get("order_id") if isinstance(data, dict) else None
    if type(order_id) is int and 1 <= order_id <= ORDER_ID_MAX:
        return str(order_id).encode()
    # The data has no such id, which is what decoding then finds first.
    return _STAND_IN_KEY


def _told(members: dict[str, bytes], name: str, default: Any) -> Any:  # noqa: ANN401 - JSON
    import msgspec

    return msgspec.json.decode(members[name]) if name in members else default
