"""The OpenAPI document, put together from what each route says of itself.

`python -m sendto_api.openapi` writes the kept file beside this module, `--check` tells whether it is up to date.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from sendto_api.http.calls import Call
from sendto_api.http.documentation import (
    ERROR_HEADERS,
    MEANINGS,
    ORDER_ID,
    Link,
    Operation,
    ProblemObject,
    Schema,
    Success,
    problem_example,
)
from sendto_api.http.fields import ID_MAX
from sendto_api.http.problems import CODES, MEDIA_TYPE, title_of

FILE = Path(__file__).with_name("openapi.json")
CANONICAL, SAME = "/v3", "/api"
"""the paths of one product and of the other; behind both is the same application"""
_JSON = "application/json"
_MERGE_PATCH = "application/merge-patch+json"
_REF = "#/components/schemas/{model}"
_ABOUT = """\
Orders, and the customer of each, who is relayed to the shipment providers. Every path begins with `/v3` or with
`/api`; both are the same. An order's version is its ETag, and its customer's. Writes with an `Idempotency-Key` may be
repeated: for a day the first answer is given again. Unknown and read-only members of bodies are ignored, or refused
with `Prefer: handling=strict`. Texts are trimmed, blank optional ones are null. Errors are problem details (RFC 9457).
HEAD answers as GET does.
"""
_TAGS = {
    "orders": "Orders, with the buyer's snapshot. It is never synchronised with the customer.",
    "erasures": "Forgetting a person.",
    "customer": "The customer of an order, who is passed to the shipment provider. A singleton.",
}
_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": (
        "Made with `sendto token create`. Permissions: `orders_read` (the same as `orders:read`), `orders_write`"
        " (`orders:write`), `orders_customer_write`, `orders:*` (these three) and `*` (everything)."
    ),
}
_TEXT = {"type": "string"}
_REQUEST_HEADERS: dict[str, tuple[Schema, str]] = {
    "Idempotency-Key": (
        _TEXT | {"minLength": 1, "maxLength": 255},
        "Names the request, so that it can be repeated: an equal one gets the first one's answer.",
    ),
    "If-Match": (_TEXT, "ETags, or `*`: go on only if the order is at one of these versions."),
    "If-None-Match": (_TEXT, "ETags, or `*`: a read answers 304, a write 412, if the order is at one of these."),
    "Prefer": (_TEXT, "`handling=strict` refuses unknown and read-only members (RFC 7240)."),
    "traceparent": (_TEXT, "Trace context (W3C); it travels into the event."),
    "X-Request-Id": (_TEXT, "Taken over if it matches `[A-Za-z0-9._-]{1,128}`, else one of ours is used."),
}
_RESPONSE_HEADERS: dict[str, tuple[Schema, str, bool]] = {
    "X-Request-Id": (_TEXT | {"pattern": "^[A-Za-z0-9._-]{1,128}$"}, "The caller's id of the request, or ours.", True),
    "ETag": (_TEXT | {"pattern": '^"[0-9]+"$'}, "The order's version, in quotes.", True),
    "Location": (_TEXT | {"pattern": "^/"}, "The path of what was made.", True),
    "Idempotency-Replayed": (_TEXT | {"const": "true"}, "There where the answer is an earlier one.", False),
    "Preference-Applied": (_TEXT | {"const": "handling=strict"}, "There where the caller preferred it.", False),
    "RateLimit": (_TEXT, "What is left of the token's limit, and in how many seconds it is whole again.", False),
    "RateLimit-Policy": (_TEXT, "The token's limit: requests and window in seconds.", False),
    "Retry-After": (_TEXT | {"pattern": "^[0-9]+$"}, "Seconds to wait.", True),
    "WWW-Authenticate": (_TEXT | {"pattern": "^Bearer"}, "How to say who calls.", True),
    "Allow": (_TEXT, "The methods that the path takes.", True),
}
_ALWAYS = ("X-Request-Id", "RateLimit", "RateLimit-Policy")
_EXAMPLE_ERRORS = {
    403: {"permission": ["orders_customer_write"]},
    422: {"email": ["is not an email address"]},
}


def document(calls: Iterable[Call]) -> dict[str, Any]:
    """The document of all calls."""
    paths: dict[str, dict[str, Any]] = {}
    models: set[type[BaseModel]] = {ProblemObject}
    for call in calls:
        models |= _models(call.operation)
        prefix = f"/{call.path.split('/')[1]}"
        path = paths.setdefault(call.path, _shared_parameters(call.path))
        path[call.method.lower()] = _operation(call.operation, prefix)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "sendto API",
            "version": version("sendto"),
            "summary": "Orders, and the customer of each, for the shipment providers that ship them.",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": says} for name, says in _TAGS.items()],
        "security": [{"token": []}],
        "paths": dict(sorted(paths.items(), key=lambda item: (item[0].startswith(SAME), item[0]))),
        "components": {
            "schemas": _schemas(models),
            "parameters": {name: _request_header(name) for name in _REQUEST_HEADERS},
            "headers": {name: _response_header(name) for name in _RESPONSE_HEADERS},
            "responses": {_error_name(status): _error(status) for status in MEANINGS},
            "securitySchemes": {"token": _TOKEN},
        },
    }


def _operation(operation: Operation, prefix: str) -> dict[str, Any]:
    says = [operation.says, f"Needs the permission `{operation.permission}`."]
    parameters = [*operation.parameters, *({"$ref": f"#/components/parameters/{name}"} for name in operation.headers)]
    preferred = ("Preference-Applied",) if "Prefer" in operation.headers else ()
    described: dict[str, Any] = {
        "operationId": _operation_id(operation.id, prefix),
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": " ".join(part for part in says if part),
        "security": [{"token": [operation.permission]}],
        "parameters": parameters,
        "responses": {str(success.status): _success(success, prefix, preferred) for success in operation.successes}
        | {str(status): {"$ref": f"#/components/responses/{_error_name(status)}"} for status in operation.errors},
    }
    if operation.body is not None:
        content = {
            "schema": {"$ref": _REF.format(model=operation.body.__name__)},
            "examples": {name: {"value": value} for name, value in operation.body_examples.items()},
        }
        types = [_JSON, _MERGE_PATCH] if operation.id.startswith("update") else [_JSON]
        described["requestBody"] = {"required": True, "content": dict.fromkeys(types, content)}
    return described


def _operation_id(name: str, prefix: str) -> str:
    return name if prefix == CANONICAL else f"{name}At{prefix[1:].title()}"


def _shared_parameters(path: str) -> dict[str, Any]:
    if f"{{{ORDER_ID}}}" not in path:
        return {}
    schema = {"type": "integer", "minimum": 1, "maximum": ID_MAX}
    says = "The order's id: decimal digits without sign or leading zero."
    return {"parameters": [{"name": ORDER_ID, "in": "path", "required": True, "description": says, "schema": schema}]}


def _success(success: Success, prefix: str, preferred: tuple[str, ...]) -> dict[str, Any]:
    described: dict[str, Any] = {"description": success.says, "headers": _headers((*success.headers, *preferred))}
    if success.schema is not None:
        schema = (
            success.schema if isinstance(success.schema, dict) else {"$ref": _REF.format(model=success.schema.__name__)}
        )
        described["content"] = {_JSON: {"schema": schema, "example": success.example}}
    if success.links:
        described["links"] = {name: _link(link, prefix) for name, link in success.links.items()}
    return described


def _link(link: Link, prefix: str) -> dict[str, Any]:
    return {"operationId": _operation_id(link.operation, prefix), "parameters": dict(link.parameters)}


def _headers(names: tuple[str, ...]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, *_ALWAYS)}


def _request_header(name: str) -> dict[str, Any]:
    schema, says = _REQUEST_HEADERS[name]
    return {"name": name, "in": "header", "required": False, "description": says, "schema": schema}


def _response_header(name: str) -> dict[str, Any]:
    schema, says, required = _RESPONSE_HEADERS[name]
    return {"description": says, "required": required, "schema": schema}


def _error_name(status: int) -> str:
    return CODES[status].title().replace("_", "")


def _error(status: int) -> dict[str, Any]:
    example = problem_example(status, title_of(status), _EXAMPLE_ERRORS.get(status, {}))
    return {
        "description": MEANINGS[status],
        "headers": _headers(ERROR_HEADERS.get(status, ())),
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="ProblemObject")}, "example": example}},
    }


def _models(operation: Operation) -> set[type[BaseModel]]:
    answers = {success.schema for success in operation.successes if isinstance(success.schema, type)}
    return answers | ({operation.body} if operation.body is not None else set())


def _schemas(models: set[type[BaseModel]]) -> dict[str, Any]:
    ordered = sorted(models, key=lambda model: model.__name__)
    _, generated = models_json_schema([(model, "validation") for model in ordered], ref_template=_REF)
    schemas = dict(sorted(_untitled(generated["$defs"]).items()))
    for name, schema in schemas.items():
        for member in schema["properties"].values():
            # What a PATCH leaves out stays as it is; and null says nothing that leaving out would not.
            if name.endswith("Patch") or member.get("default", ...) is None:
                member.pop("default", None)
    return schemas


def _untitled(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Without pydantic's title for every member, which says its name once more."""
    match value:
        case dict():
            return {key: _untitled(inner) for key, inner in value.items() if key != "title" or isinstance(inner, dict)}
        case list():
            return [_untitled(inner) for inner in value]
        case _:
            return value


def written(content: dict[str, Any]) -> str:
    """The document as it is kept."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the kept file, or tell whether it is up to date."""
    from sendto_api.app import described  # noqa: PLC0415 - the application knows this module

    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true", help="write nothing; fail if the kept file is out of date")
    content = written(described())
    if not arguments.parse_args().check:
        FILE.write_text(content, encoding="utf-8")
    elif not FILE.is_file() or FILE.read_text(encoding="utf-8") != content:
        sys.exit(f"{FILE.name} is out of date: run python -m sendto_api.openapi")


if __name__ == "__main__":
    main()
