"""What the OpenAPI document says of a route: its errors, its body."""

from typing import Any

from pydantic import BaseModel

from sendto_api.http.problems import MEDIA_TYPE

_MEANINGS = {
    400: "The body is not JSON, or a parameter is wrong.",
    401: "There is no valid bearer token.",
    403: "The token lacks the permission.",
    404: "There is no such order, or it has no customer.",
    409: "It exists already, or an equal request is still running.",
    412: "The condition of the request does not hold.",
    413: "The body is too large.",
    415: "The body is not JSON by its media type.",
    422: "Some fields are not valid.",
    503: "The database is away.",
}


class ProblemObject(BaseModel):
    """An error (RFC 9457), with the members of both products' error bodies."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    message: str
    status_code: int
    errors: dict[str, list[str]]
    request_id: str


def documented(answer: Any, *statuses: int) -> dict[str, Any]:  # noqa: ANN401 - any type that pydantic describes
    """Keyword arguments of a route: its answer's type and its errors."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemObject"}}}
    errors: dict[int | str, dict[str, Any]] = {
        status: {"description": _MEANINGS[status], "content": content} for status in (*statuses, 503)
    }
    return {"response_model": answer, "responses": errors}


def request_body(model: type[BaseModel]) -> dict[str, Any]:
    """Keyword arguments of a route that reads its body itself."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {"openapi_extra": {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}}
