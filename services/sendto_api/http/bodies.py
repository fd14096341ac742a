"""Reading a request's body: its size, its media type, its JSON; then its fields."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.requests import Request

from sendto_api.http.problems import Problem, field_errors, from_validation

Model = TypeVar("Model", bound=BaseModel)
JSON_TYPES = frozenset({"application/json", "application/merge-patch+json"})


async def read_bytes(request: Request, max_bytes: int) -> bytes:
    """The body, which may come in chunks.

    Raises:
        Problem: 413, it is larger than allowed.
    """
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is larger than {max_bytes} bytes.")
        chunks.append(chunk)
    return b"".join(chunks)


def parse_object(request: Request, body: bytes) -> dict[str, Any]:
    """The body as a JSON object.

    Raises:
        Problem: 415 another media type, 400 no JSON, 422 JSON but no object.
    """
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type not in JSON_TYPES:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.")
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError:
        raise Problem(HTTPStatus.BAD_REQUEST, "The body is not valid JSON.", code="malformed_json") from None
    if not isinstance(value, dict):
        raise field_errors({"body": ["must be a JSON object"]})
    return value


def validate(model: type[Model], value: dict[str, Any], *, strict: bool) -> Model:
    """The body as a model; unknown and read-only keys are ignored, or refused where the caller prefers that.

    Raises:
        Problem: 422 with the errors of each field.
    """
    unknown = {path: ["is unknown or read-only here"] for path in _unknown(model, value)} if strict else {}
    try:
        parsed = model.model_validate(value)
    except ValidationError as error:
        problem = from_validation(error)
        raise field_errors(problem.errors | unknown) from None
    if unknown:
        raise field_errors(unknown)
    return parsed


def _unknown(model: type[BaseModel], value: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """The dotted paths of what the model does not name, in nested objects too."""
    for key, inner in value.items():
        if key not in model.model_fields:
            yield f"{prefix}{key}"
            continue
        for nested in _models(model.model_fields[key].annotation):
            items = enumerate(inner) if isinstance(inner, list) else [("", inner)]
            for place, item in items:
                if isinstance(item, dict):
                    yield from _unknown(nested, item, f"{prefix}{key}.{place}{'.' if place != '' else ''}")


def _models(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - any annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]


def prefers_strict(request: Request) -> bool:
    """Whether the caller asks for `Prefer: handling=strict` (RFC 7240); of two answers to one question the first."""
    asked: dict[str, str] = {}
    for preference in ",".join(request.headers.getlist("prefer")).lower().split(","):
        name, _, value = preference.split(";")[0].partition("=")
        asked.setdefault(name.strip(), value.strip().strip('"'))
    return asked.get("handling") == "strict"
