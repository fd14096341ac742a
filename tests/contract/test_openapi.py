"""The OpenAPI document: kept as it is served, complete enough to make a client from, and true to its own examples."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from fastapi.openapi.models import OpenAPI

from sendto_api.app import described
from sendto_api.openapi import FILE, written

DOCUMENT = json.loads(FILE.read_text(encoding="utf-8"))
METHODS = ("get", "post", "put", "patch", "delete")
OPERATIONS = {
    (method, path): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if method in METHODS
}
PERMISSIONS = {"orders_read", "orders_write", "orders_customer_write"}


def _nodes(value: Any, place: str = "#") -> Iterator[tuple[str, Any]]:
    yield place, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from _nodes(item, f"{place}/{key}")


def _resolved(value: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in value:
        found: Any = DOCUMENT
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def test_the_kept_document_is_the_served_one() -> None:
    assert FILE.read_text(encoding="utf-8") == written(described()), "run python -m sendto_api.openapi"


def test_it_is_openapi() -> None:
    assert OpenAPI.model_validate(DOCUMENT).openapi == "3.1.0"
    assert [
        place for place, node in _nodes(DOCUMENT) if isinstance(node, dict) and "$ref" in node and not _resolved(node)
    ] == []


def test_both_prefixes_tell_the_same() -> None:
    def under(prefix: str) -> set[tuple[str, str]]:
        return {(method, path.removeprefix(prefix)) for method, path in OPERATIONS if path.startswith(prefix)}

    assert under("/v3") == under("/api")
    assert len(OPERATIONS) == len(under("/v3")) * 2
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=[" ".join(key) for key in OPERATIONS])
def test_every_call_tells_its_permission_its_errors_and_its_headers(operation: dict[str, Any]) -> None:
    [[permission]] = [roles for entry in operation["security"] for roles in entry.values()]
    assert permission in PERMISSIONS
    assert f"`{permission}`" in operation["description"]
    assert operation["summary"]
    assert {"401", "403", "429", "500", "503"} <= set(operation["responses"])
    for response in map(_resolved, operation["responses"].values()):
        assert response["description"]
        assert "X-Request-Id" in response["headers"]
    if "requestBody" in operation:
        assert {"400", "413", "415", "422"} <= set(operation["responses"])
    names = {_resolved(parameter)["name"] for parameter in operation["parameters"]}
    writes = not operation["operationId"].startswith(("list", "get"))
    assert ("Idempotency-Key" in names) == writes


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=[" ".join(key) for key in OPERATIONS])
def test_no_parameter_has_a_default_that_clients_would_send_unasked(operation: dict[str, Any]) -> None:
    assert [one["name"] for one in map(_resolved, operation["parameters"]) if "default" in one["schema"]] == []


def _examples() -> list[tuple[str, dict[str, Any], Any]]:
    """Every example of a body, with its place and the schema that it must keep to."""
    found = []
    for place, node in _nodes(DOCUMENT):
        if isinstance(node, dict) and "schema" in node:
            values = [example["value"] for example in node.get("examples", {}).values()]
            values += [node["example"]] if "example" in node else []
            found += [(place, node["schema"], value) for value in values]
    return found


@pytest.mark.parametrize(
    ("schema", "value"), [pytest.param(schema, value, id=place) for place, schema, value in _examples()]
)
def test_every_example_keeps_to_its_schema(schema: dict[str, Any], value: Any) -> None:
    jsonschema.Draft202012Validator(schema | {"components": DOCUMENT["components"]}).validate(value)


def test_every_answer_with_a_body_has_an_example() -> None:
    assert len(_examples()) > 2 * len(OPERATIONS)
    without = [
        (key, status)
        for key, operation in OPERATIONS.items()
        for status, response in operation["responses"].items()
        for content in _resolved(response).get("content", {}).values()
        if "example" not in content
    ]
    assert without == []


def test_links_lead_to_calls_that_are_there() -> None:
    ids = {operation["operationId"] for operation in OPERATIONS.values()}
    links = [
        link["operationId"]
        for operation in OPERATIONS.values()
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    ]

    assert len(links) > len(OPERATIONS)
    assert set(links) <= ids
