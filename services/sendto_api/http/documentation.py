"""What the OpenAPI document says of a call. Each route carries its own description; `openapi.py` puts them together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict

from sendto_api.http.problems import CODES

Schema = dict[str, Any]

ORDER_ID = "order_id"
IF_MATCH, IF_NONE_MATCH = "If-Match", "If-None-Match"
_WRITE_ERRORS = (400, 401, 403, 409, 412, 413, 422)
_READ_ERRORS = (401, 403)


class ProblemObject(BaseModel):
    """An error (RFC 9457), with the members of both products' error bodies. All of them are always there."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: str
    title: str
    status: int
    detail: str
    instance: str
    """the path that was asked for"""
    code: str
    """what went wrong, in one word for programs"""
    message: str
    """the same as `detail`"""
    status_code: int
    """the same as `status`"""
    errors: dict[str, list[str]]
    """what is wrong with each field or parameter, by its dotted path; empty where no field is to blame"""
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """An answer that is no error."""

    status: int
    says: str
    schema: type[BaseModel] | Schema | None
    example: Any = None
    headers: tuple[str, ...] = ()
    links: Mapping[str, "Link"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A call that an answer makes possible."""

    operation: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call as the document tells of it."""

    id: str
    summary: str
    says: str = ""
    permission: str
    successes: tuple[Success, ...]
    errors: tuple[int, ...]
    headers: tuple[str, ...] = ()
    """of the request, by their names in the document's components"""
    parameters: tuple[Schema, ...] = ()
    body: type[BaseModel] | None = None
    body_examples: Mapping[str, Any] = field(default_factory=dict)
    tag: str = "orders"


def reading(*more: int) -> tuple[int, ...]:
    """The errors of a call that reads."""
    return tuple(sorted({*_READ_ERRORS, *more, 429, 500, 503}))


def writing(*more: int) -> tuple[int, ...]:
    """The errors of a call that writes."""
    return tuple(sorted({*_WRITE_ERRORS, *more, 429, 500, 503}))


WRITE_HEADERS = ("Idempotency-Key", IF_MATCH, IF_NONE_MATCH, "Prefer", "traceparent", "X-Request-Id")
READ_HEADERS = (IF_MATCH, IF_NONE_MATCH, "X-Request-Id")
OBJECT_HEADERS = ("ETag",)
WRITTEN_HEADERS = ("ETag", "Idempotency-Replayed")
CREATED_HEADERS = ("ETag", "Location", "Idempotency-Replayed")

MEANINGS = {
    400: "The body is not JSON, or a parameter or header is wrong.",
    401: "There is no valid bearer token.",
    403: "The token lacks the permission; `errors.permission` names it.",
    404: "There is no such order (`order_not_found`), or it has no customer (`customer_not_found`).",
    405: "The path does not take this method; `Allow` names those that it takes.",
    409: "It exists already, or an equal request with this `Idempotency-Key` is still running (`in_progress`).",
    412: "The order is not at the version that `If-Match` names, or is at the one that `If-None-Match` names.",
    413: "The body is larger than 64 KiB.",
    415: "The body is not JSON by its media type.",
    422: "Some fields are not valid, or the `Idempotency-Key` was used for another request.",
    429: "Too many requests with this token; `Retry-After` says when to come again.",
    500: "A fault of ours; it was recorded under the `request_id`.",
    503: "The database is away; repeat the request, with its `Idempotency-Key` if it is a write.",
}
ERROR_HEADERS = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    422: ("Preference-Applied",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}


def problem_example(status: int, title: str, errors: Mapping[str, list[str]]) -> dict[str, Any]:
    """An error as it looks."""
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": MEANINGS[status].split(";", maxsplit=1)[0].rstrip(".") + ".",
        "instance": "/v3/orders/51342/customer",
        "code": CODES[status],
        "message": MEANINGS[status].split(";", maxsplit=1)[0].rstrip(".") + ".",
        "status_code": status,
        "errors": dict(errors),
        "request_id": "0192f1d2-7a3b-7c1e-9c59-4f7a2b6d8e01",
    }
