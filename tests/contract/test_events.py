"""The published contract of the topic: kept schemas, kept examples, and the AsyncAPI document."""

import base64
import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

import sendto.events
from sendto.events import schema
from sendto.events.customer import CustomerData, DeletedData
from sendto.events.decode import Rejection, RejectReason, decode
from sendto.events.envelope import OUR_SOURCE, CustomerEvent, EventType
from sendto_api.outbox import wire
from sendto_cli.errors import CommandFailed
from sendto_cli.main import build

EXAMPLES = Path(sendto.events.__file__).parent / "examples"
STRUCTURED = [("content-type", b"application/cloudevents+json")]
# Decided after decoding: by the list of sources heard, by the versions known, and by the database.
DECIDED_BY_THE_INTAKE = {RejectReason.SOURCE_NOT_ALLOWED, RejectReason.UNVERSIONED, RejectReason.NOT_STORABLE}

Record = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]


def _examples(pattern: str) -> list[Path]:
    return sorted(EXAMPLES.glob(pattern))


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _record(path: Path) -> Record:
    example = _load(path)
    if "specversion" in example:
        return str(example["data"]["order_id"]).encode(), json.dumps(example).encode(), STRUCTURED
    headers = [(name, content.encode()) for name, content in example["headers"].items()]
    key = None if example["key"] is None else example["key"].encode()
    if "value_base64" in example:
        return key, base64.b64decode(example["value_base64"]), headers
    return key, None if example["value"] is None else json.dumps(example["value"]).encode(), headers


def _validator(event_type: str) -> jsonschema.Draft202012Validator:
    kept = _load(schema.FOLDER / f"{event_type}.json")
    return jsonschema.Draft202012Validator(kept, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def _name(path: Path) -> str:
    return path.stem


def _with(**customer: object) -> dict[str, Any]:
    return {"order_id": 1, "customer": {"first_name": "Zoë", "last_name": ""} | customer}


def test_the_kept_schemas_are_up_to_date() -> None:
    assert schema.check() == []


def test_a_stale_a_missing_and_a_stray_schema_are_all_named(tmp_path: Path) -> None:
    schema.write(tmp_path)
    assert schema.check(tmp_path) == []
    (tmp_path / "customer.created.json").write_text("{}", encoding="utf-8")
    (tmp_path / "customer.deleted.json").unlink()
    (tmp_path / "customer.renamed.json").write_text("{}", encoding="utf-8")
    assert schema.check(tmp_path) == ["customer.created.json", "customer.deleted.json", "customer.renamed.json"]


@pytest.mark.parametrize("event_type", EventType)
def test_each_type_has_a_valid_schema_under_the_id_that_its_events_name(event_type: EventType) -> None:
    kept = _load(schema.FOLDER / f"{event_type}.json")
    jsonschema.Draft202012Validator.check_schema(kept)
    assert kept["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]
    assert kept["$id"] == wire.SCHEMA.format(type=event_type)


@pytest.mark.parametrize("path", _examples("*.json"), ids=_name)
def test_an_example_decodes_to_the_type_in_its_name(path: Path) -> None:
    event = decode(*_record(path))
    assert isinstance(event, CustomerEvent)
    assert path.name.startswith(f"{event.type}.")
    assert event.orderversion is not None
    assert event.present is (event.customer is not None)


@pytest.mark.parametrize("path", _examples("*.json"), ids=_name)
def test_the_data_of_an_example_holds_to_the_kept_schema(path: Path) -> None:
    example = _load(path)
    data = example["data"] if "specversion" in example else example["value"]
    event_type = path.name.rsplit(".", 2)[0]
    if data is None:
        assert "tombstone" in path.name
        return
    _validator(event_type).validate(data)


@pytest.mark.parametrize("event_type", EventType)
@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_each_type_has_an_example_in_each_mode(event_type: EventType, mode: str) -> None:
    assert (EXAMPLES / f"{event_type}.{mode}.json").is_file()


@pytest.mark.parametrize("event_type", EventType)
def test_the_binary_example_is_as_our_api_writes_it(event_type: EventType) -> None:
    example = _load(EXAMPLES / f"{event_type}.binary.json")
    data = example["value"]
    row: Any = {
        "type": event_type.value,
        "order_id": data["order_id"],
        "event_id": example["headers"]["ce_id"],
        "occurred_at": datetime.fromisoformat(example["headers"]["ce_time"]),
        "version": int(example["headers"]["ce_orderversion"]),
        "value": json.dumps(data),
        "traceparent": example["headers"]["traceparent"],
    }
    key, value, headers = wire.record(row, row["traceparent"])
    assert (key, value) == (example["key"].encode(), json.dumps(data).encode())
    assert {name: content.decode() for name, content in headers} == example["headers"]
    assert example["headers"]["ce_source"] == OUR_SOURCE


@pytest.mark.parametrize("path", _examples("rejected/*.json"), ids=_name)
def test_a_rejected_example_is_rejected_for_the_reason_in_its_name(path: Path) -> None:
    rejection = decode(*_record(path))
    assert isinstance(rejection, Rejection)
    assert rejection.reason == path.stem


def test_every_reason_that_decoding_can_give_has_an_example() -> None:
    exemplified = {path.stem for path in _examples("rejected/*.json")}
    assert exemplified == set(RejectReason) - DECIDED_BY_THE_INTAKE


def test_the_data_that_is_rejected_as_invalid_breaks_the_kept_schema_too() -> None:
    data = _load(EXAMPLES / "rejected" / "data_invalid.json")["value"]
    broken = {error.json_path for error in _validator("customer.created").iter_errors(data)}
    assert broken == {"$.customer.first_name", "$.order"}


@pytest.mark.parametrize(
    "data",
    [
        _with(),
        _with(first_name="x" * 100, last_name="y" * 100),
        _with(first_name="🛎"),
        _with(first_name="\u00ad"),
        _with(email=None, phone_e164="+447700900123", created_at="2024-10-10T15:42:08.1Z"),
        _with() | {"order": None, "changed": []},
        _with() | {"order": {"order_date_time": "2024-10-10T15:42:08"}},
        _with() | {"order": {"order_date_time": "2024-10-10T15:42:08+09:00", "order_total": 3, "unknown": {}}},
        _with() | {"order": {"shipment_provider": ["a", "b"]}},
        {"customer": {"first_name": "A", "last_name": ""}},
        {"order_id": 1},
        {"order_id": "1", "customer": {"first_name": "A", "last_name": ""}},
        {"order_id": 0, "customer": {"first_name": "A", "last_name": ""}},
        {"order_id": 2**63, "customer": {"first_name": "A", "last_name": ""}},
        {"order_id": True, "customer": {"first_name": "A", "last_name": ""}},
        _with(first_name=""),
        _with(first_name="\u2003\x1f\n"),
        _with(first_name="x" * 101),
        _with(first_name="a\x00"),
        _with(last_name=None),
        _with(last_name="\x00"),
        _with(phone_e164="07700900123"),
        _with(created_at=1728574928),
        _with() | {"order": {"order_type": "pickup"}},
        _with() | {"order": {"total_items": "3"}},
        _with() | {"order": {"order_total": "3.0"}},
        _with() | {"order": {"address": {"country": "gb"}}},
        _with() | {"order": {"shipment_provider": "Ācme"}},
        _with() | {"changed": None},
        [],
        None,
    ],
)
def test_the_schema_and_the_model_agree(data: Any) -> None:
    try:
        CustomerData.model_validate_json(json.dumps(data))
    except ValidationError:
        accepted = False
    else:
        accepted = True
    assert _validator("customer.created").is_valid(data) is accepted


def test_the_schema_calls_blank_what_python_calls_blank() -> None:
    kept = _load(schema.FOLDER / "customer.created.json")
    first_name = kept["$defs"]["Customer"]["properties"]["first_name"]
    pattern = re.compile(first_name["allOf"][0]["pattern"])
    assert [code for code in range(0x110000) if bool(pattern.search(chr(code))) is chr(code).isspace()] == []


def test_a_deleted_event_may_carry_anything_as_its_customer() -> None:
    data = {"order_id": 1, "customer": {"first_name": 5}}
    assert _validator("customer.deleted").is_valid(data)
    assert DeletedData.model_validate(data).order_id == 1


def test_the_asyncapi_document_describes_the_three_topics() -> None:
    document = _asyncapi()
    assert document["asyncapi"].startswith("3.")
    assert {channel["address"] for channel in document["channels"].values()} == {
        "orders.customer",
        "orders.customer.dlq",
        "orders.customer.deliveries",
    }
    assert document["info"].keys() >= {"title", "version"}


def test_every_reference_in_the_asyncapi_document_resolves() -> None:
    document = _asyncapi()
    references = list(_references(document))
    assert references
    for reference in references:
        assert isinstance(_resolve(document, reference), dict), reference


def test_every_operation_acts_on_its_own_channel() -> None:
    document = _asyncapi()
    for operation in document["operations"].values():
        channel = operation["channel"]["$ref"]
        assert operation["action"] in {"send", "receive"}
        assert operation["messages"]
        assert all(told["$ref"].startswith(f"{channel}/messages/") for told in operation["messages"])


def test_every_channel_is_written_or_read_by_an_operation() -> None:
    document = _asyncapi()
    used = {operation["channel"]["$ref"] for operation in document["operations"].values()}
    assert used == {f"#/channels/{name}" for name in document["channels"]}


def test_every_record_of_the_asyncapi_document_has_a_payload_headers_and_a_valid_schema() -> None:
    components = _asyncapi()["components"]
    for record in components["messages"].values():
        assert record.keys() >= {"headers", "payload", "contentType", "bindings"}
    for described in components["schemas"].values():
        jsonschema.Draft7Validator.check_schema(described)


@pytest.mark.parametrize("path", _examples("*.json"), ids=_name)
def test_an_example_holds_to_the_asyncapi_document(path: Path) -> None:
    document, example = _asyncapi(), _load(path)
    name = path.name.rsplit(".", 2)[0]
    if "specversion" in example:
        headers, value = {"content-type": "application/cloudevents+json"}, example
        name = "customer.structured"
    else:
        headers, value = example["headers"], example["value"]
        name = "customer.tombstone" if value is None else name
    record = document["components"]["messages"][name]
    for told, described in ((headers, record["headers"]), (value, record["payload"])):
        jsonschema.Draft7Validator(described | {"components": document["components"]}).validate(told)


@pytest.mark.parametrize("path", _examples("*.json"), ids=_name)
def test_the_command_finds_an_example_good(path: Path) -> None:
    code, out, _ = _check(str(path))
    event = decode(*_record(path))
    assert isinstance(event, CustomerEvent)
    assert (code, out) == (0, f"1: ok: {event.type}, order {event.order_id}, version {event.orderversion}\n")


@pytest.mark.parametrize("path", _examples("rejected/*.json"), ids=_name)
def test_the_command_says_in_one_line_why_a_rejected_example_is_bad(path: Path) -> None:
    code, out, failure = _check(str(path))
    assert (code, failure) == (1, "1 of 1 would be rejected")
    assert out.startswith(f"1: {path.stem}: ")
    assert out.count("\n") == 1


def test_the_command_takes_an_array_lines_and_standard_input(tmp_path: Path) -> None:
    examples = [_load(path) for path in _examples("*.structured.json")]
    array, lines = json.dumps(examples), "\n\n".join(map(json.dumps, examples))
    file = tmp_path / "events"
    for text in (array, lines):
        file.write_text(text, encoding="utf-8")
        code, out, _ = _check(str(file))
        assert (code, out.count(": ok: ")) == (0, len(examples))
        assert _check("-", given=text) == (code, out, None)


def test_the_command_says_of_each_line_what_is_wrong_with_it() -> None:
    good = json.dumps(_load(EXAMPLES / "customer.created.structured.json"))
    lines = [good, '{"broken', '{"order_id": 5}', '{"headers": {"a": 1}, "value": 1}', "5", good]
    code, out, failure = _check("-", "--json", given="\n".join(lines))
    told = json.loads(out)
    assert (code, failure) == (1, "4 of 6 would be rejected")
    assert [one["event"] for one in told] == [1, 2, 3, 4, 5, 6]
    reasons = [one["reason"] for one in told]
    assert reasons == [None, "json_invalid", "attribute_missing", "form_invalid", "json_invalid", None]
    assert "data alone" in told[2]["advice"]


def test_the_command_takes_partitionkey_for_the_key_of_a_structured_event() -> None:
    event = _load(EXAMPLES / "customer.created.structured.json")
    code, out, _ = _check("-", given=json.dumps(event | {"partitionkey": "7"}))
    assert code == 1
    assert out.startswith("1: key_mismatch: ")
    del event["partitionkey"]
    assert _check("-", given=json.dumps(event))[0] == 0


def test_the_command_checks_the_bytes_as_they_stand() -> None:
    event = json.dumps(_load(EXAMPLES / "customer.created.structured.json"))
    for number in ("NaN", "1e999", "42.0.0"):
        code, out, _ = _check("-", given=event.replace('"order_total": 42', f'"order_total": {number}'))
        assert code == 1
        assert out.startswith(("1: json_invalid: ", "1: data_invalid: "))


@pytest.mark.parametrize("text", ["", " \n ", "[]"])
def test_the_command_fails_where_there_are_no_events(text: str) -> None:
    assert _check("-", given=text) == (1, "", "there are no events in it")


def test_the_command_fails_where_the_file_cannot_be_read(tmp_path: Path) -> None:
    code, out, failure = _check(str(tmp_path / "missing"))
    assert (code, out) == (1, "")
    assert failure is not None
    assert "cannot be read" in failure


def test_the_command_wants_a_file() -> None:
    assert _check()[0] == 2


def _check(*arguments: str, given: str | None = None) -> tuple[int, str, str | None]:
    """Exit code, standard output, and how the command said that it failed."""
    result = CliRunner().invoke(build(), ["events", "check", *arguments], input=given)
    failure = str(result.exception) if isinstance(result.exception, CommandFailed) else None
    return result.exit_code, result.stdout, failure


def _asyncapi() -> dict[str, Any]:
    document: dict[str, Any] = _load(schema.FOLDER / schema.ASYNCAPI_FILE)
    return document


def _references(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        if isinstance(tree.get("$ref"), str):
            yield tree["$ref"]
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            yield from _references(branch)


def _resolve(document: dict[str, Any], reference: str) -> Any:
    assert reference.startswith("#/")
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return _resolve(document, found["$ref"]) if "$ref" in found else found
