"""The published contract, generated from the models: JSON Schemas of the events' data, and an AsyncAPI document.

`python -m sendto.events.schema` writes the kept files beside this module, `--check` tells whether they are up to date.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from sendto.events.customer import CustomerData, DeletedData, WireModel, _not_blank
from sendto.events.decode import MAX_EVENT_BYTES, RejectReason
from sendto.events.delivery import DeliveryData, DeliveryType
from sendto.events.envelope import ORDERVERSION_MAX, EventType

FOLDER = Path(__file__).parent / "schemas"
"""where the kept files are"""
ASYNCAPI_FILE = "asyncapi.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
DATASCHEMA = "urn:sendto:schema:{type}:1"
"""`$id` of a type's schema, and `dataschema` of its events"""
DELIVERY_TYPES = tuple(str(kind) for kind in DeliveryType)

# What `str.isspace` calls blank, spelled out: regular expressions of other languages mean something else by \s.
_BLANK = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_NOT_BLANK = rf"[^{_BLANK}]"
_NAIVE_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?$"
_KEY = {"type": "string", "pattern": r"^[1-9][0-9]{0,18}$", "description": "the decimal data.order_id"}
_KAFKA_BINDING = "0.5.0"
_WEEK_MS = 7 * 86_400_000
_PARTITIONS = 12


_DATA: dict[EventType, type[WireModel]] = {
    EventType.CREATED: CustomerData,
    EventType.UPDATED: CustomerData,
    EventType.DELETED: DeletedData,
}


class _Law(GenerateJsonSchema):
    """Pydantic's schemas, with what our validators demand and without a title for every member."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - as its base
        return False

    def function_after_schema(self, schema: core_schema.AfterValidatorFunctionSchema) -> JsonSchemaValue:
        generated = super().function_after_schema(schema)
        if schema["function"]["function"] is not _not_blank:
            return generated
        return generated | {"allOf": [{"pattern": _NOT_BLANK}]}

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        # `date-time` is RFC 3339's, which has an offset always.
        if schema.get("tz_constraint") == "naive":
            return {"type": "string", "pattern": _NAIVE_TIME}
        return {"type": "string", "format": "date-time"}


def data_schema(event_type: EventType) -> dict[str, Any]:
    """The JSON Schema (2020-12) of the data of a type."""
    schema = _DATA[event_type].model_json_schema(schema_generator=_Law)
    named = {
        "$schema": DIALECT,
        "$id": DATASCHEMA.format(type=event_type),
        "$comment": "Integers are written without a fraction: 1.0, which JSON Schema counts as one, is refused.",
        "title": str(event_type),
    }
    return named | {name: value for name, value in schema.items() if name not in named}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document of the topics under their default names."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "sendto",
            "version": "1",
            "description": "The customers of orders over Kafka, as CloudEvents 1.0. Additive changes stay within a "
            "type; a breaking one is a new type and topic. Delivery is at least once, in order for each key.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": _channels(),
        "operations": _operations(),
        "components": {"messages": _components(), "schemas": _schemas()},
    }


def documents() -> dict[str, str]:
    """The texts of all kept files, by file name."""
    made = {f"{event_type}.json": data_schema(event_type) for event_type in EventType} | {ASYNCAPI_FILE: asyncapi()}
    return {name: json.dumps(document, indent=2) + "\n" for name, document in made.items()}


def check(folder: Path = FOLDER) -> list[str]:
    """The names of kept files that are missing, differ from the models or should not be there; empty if none."""
    expected = documents()
    kept = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in expected.keys() | kept.keys() if expected.get(name) != kept.get(name))


def write(folder: Path = FOLDER) -> None:
    """Write the kept files anew."""
    folder.mkdir(exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the kept files, or with `--check` exit with 1 and their names if some are not up to date."""
    parser = argparse.ArgumentParser(prog="python -m sendto.events.schema", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    if not parser.parse_args(arguments).check:
        write()
    elif stale := check():
        sys.exit(f"not up to date: {', '.join(stale)}; run: python -m sendto.events.schema")


def _channels() -> dict[str, Any]:
    events = [*EventType, "customer.tombstone", "customer.structured"]
    return {
        "events": _channel(
            "orders.customer",
            "Facts about the customers of orders, from the API and from upstream systems. "
            f"Key, value and headers are {MAX_EVENT_BYTES} bytes together at most.",
            events,
        ),
        "deadLetters": _channel("orders.customer.dlq", "Records that are no events of ours, and why.", ["dead.letter"]),
        "deliveries": _channel(
            "orders.customer.deliveries", "What became of each order; off unless configured.", DELIVERY_TYPES
        ),
    }


def _channel(topic: str, description: str, names: Sequence[str]) -> dict[str, Any]:
    kafka = {
        "topic": topic,
        "partitions": _PARTITIONS,
        "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": _WEEK_MS},
        "bindingVersion": _KAFKA_BINDING,
    }
    return {
        "address": topic,
        "description": description,
        "messages": {str(name): {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"kafka": kafka},
    }


def _operations() -> dict[str, Any]:
    return {
        "relayEvents": _operation("send", "events", "The API's relay publishes its events.", EventType),
        "takeEvents": _operation("receive", "events", "The dispatcher takes everyone's events."),
        "rejectRecords": _operation("send", "deadLetters", "The dispatcher tells what it could not take."),
        "tellDeliveries": _operation("send", "deliveries", "The dispatcher tells what became of each order."),
    }


def _operation(action: str, channel: str, summary: str, names: Sequence[str] | type[EventType] = ()) -> dict[str, Any]:
    chosen = [str(name) for name in names] or list(_channels()[channel]["messages"])
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in chosen],
    }


def _components() -> dict[str, Any]:
    binary = {
        str(event_type): _record(
            f"An order's customer, {event_type.removeprefix('customer.')}, as a binary CloudEvent.",
            _typed("EventHeaders", event_type),
            {"$ref": f"#/components/schemas/{_DATA[event_type].__name__}"},
        )
        for event_type in EventType
    }
    deliveries = {
        name: _record(
            f"The outcome {name} of an order, as a binary CloudEvent.",
            _typed("EventHeaders", name),
            {"$ref": "#/components/schemas/DeliveryData"},
        )
        for name in DELIVERY_TYPES
    }
    others = {
        "customer.tombstone": _record(
            "A null value: customer.deleted from the source in its headers.",
            {"$ref": "#/components/schemas/TombstoneHeaders"},
            {"type": "null"},
        ),
        "customer.structured": _record(
            "Any of the three events as a structured CloudEvent.",
            {"type": "object", "required": ["content-type"]},
            {"$ref": "#/components/schemas/StructuredEvent"},
            "application/cloudevents+json",
        ),
        "dead.letter": _record(
            "A rejected record: key, value and headers as received, joined by headers that say why.",
            {"$ref": "#/components/schemas/DeadLetterHeaders"},
            {"description": "the original bytes"},
            "application/octet-stream",
        )
        | {"bindings": {"kafka": {"key": {"description": "as received"}, "bindingVersion": _KAFKA_BINDING}}},
    }
    return binary | others | deliveries


def _record(
    summary: str, headers: dict[str, Any], payload: dict[str, Any], content_type: str = "application/json"
) -> dict[str, Any]:
    return {
        "summary": summary,
        "contentType": content_type,
        "headers": headers,
        "payload": payload,
        "bindings": {"kafka": {"key": _KEY, "bindingVersion": _KAFKA_BINDING}},
    }


def _typed(headers: str, name: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{headers}"}
    return {"allOf": [schema, {"type": "object", "properties": {"ce_type": {"const": str(name)}}}]}


def _schemas() -> dict[str, Any]:
    models: list[tuple[type[WireModel], JsonSchemaMode]] = [
        (model, "validation") for model in (CustomerData, DeletedData, DeliveryData)
    ]
    _, generated = models_json_schema(models, ref_template="#/components/schemas/{model}", schema_generator=_Law)
    schemas: dict[str, Any] = generated["$defs"]
    return schemas | {
        "EventHeaders": _headers(_attributes("ce_"), ("ce_specversion", "ce_type", "ce_source", "ce_id")),
        "TombstoneHeaders": _headers(_attributes("ce_"), ("ce_source",)),
        "DeadLetterHeaders": _dead_letter_headers(),
        "StructuredEvent": _structured(),
    }


def _attributes(prefix: str) -> dict[str, Any]:
    """The CloudEvents attributes that mean something to us; a Kafka header is their UTF-8 text."""
    told = {"type": "string", "minLength": 1, "maxLength": 1024}
    return {
        f"{prefix}specversion": {"const": "1.0"},
        f"{prefix}type": told,
        f"{prefix}source": told | {"description": "the producer's URI; versions are compared within it"},
        f"{prefix}id": told,
        f"{prefix}subject": told | {"description": "orders/{order_id}/customer; not relied on"},
        f"{prefix}time": {"type": "string", "format": "date-time"},
        f"{prefix}dataschema": told,
        f"{prefix}orderversion": {
            "type": "string",
            "pattern": "^[0-9]{1,19}$",
            "description": f"0 to {ORDERVERSION_MAX}, wider than a CloudEvents integer; rises with every change of the "
            "order or its customer. Of two events with one version the first counts.",
        },
        f"{prefix}partitionkey": told,
        "traceparent": told | {"description": "W3C Trace Context"},
    }


def _headers(properties: dict[str, Any], required: Sequence[str]) -> dict[str, Any]:
    content_type = {"type": "string", "description": "application/json or ending in +json; missing means JSON"}
    return {"type": "object", "required": list(required), "properties": {"content-type": content_type} | properties}


def _dead_letter_headers() -> dict[str, Any]:
    number = {"type": "string", "pattern": "^[0-9]+$"}
    always: dict[str, Any] = {
        "sendto_reason": {"enum": [str(reason) for reason in RejectReason]},
        "sendto_detail": {"type": "string", "description": "without personal data"},
        "sendto_topic": {"type": "string"},
        "sendto_partition": number,
        "sendto_offset": number,
        "sendto_rejected_at": {"type": "string", "format": "date-time"},
    }
    cut = {
        "sendto_truncated": {"const": "true", "description": "only if the record was too large for the topic"},
        "sendto_sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "of the whole value"},
    }
    return {"type": "object", "required": list(always), "properties": always | cut}


def _structured() -> dict[str, Any]:
    attributes = _attributes("")
    number = {"type": "integer", "minimum": 0, "maximum": ORDERVERSION_MAX}
    # In JSON the version may be a number as well as its text.
    attributes["orderversion"] = {"anyOf": [number, attributes["orderversion"]]}
    variants = [
        {
            "properties": {
                "type": {"const": str(event_type)},
                "data": {"$ref": f"#/components/schemas/{model.__name__}"},
            }
        }
        for event_type, model in _DATA.items()
    ]
    return {
        "type": "object",
        "required": ["specversion", "type", "source", "id", "data"],
        "properties": attributes,
        "oneOf": variants,
    }


if __name__ == "__main__":
    main()
