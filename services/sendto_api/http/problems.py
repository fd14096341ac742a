"""Errors as `application/problem+json` (RFC 9457), with the members of both products' error bodies.

Problem             an error that is the caller's, with its status
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from sendto.runtime.database import CommitUnknown, DatabaseAway
from sendto.runtime.logs import bug, logger

MEDIA_TYPE = "application/problem+json"
_log = logger(__name__)

CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    412: "precondition_failed",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "validation_failed",
    429: "rate_limited",
    500: "internal_error",
    503: "unavailable",
}
# RFC 9110's, which Python's own follow only lately.
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}


def title_of(status: int) -> str:
    """What RFC 9110 calls a status."""
    return TITLES.get(status) or HTTPStatus(status).phrase


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """An error that the caller is told of."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str | None = None,
        errors: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code or CODES.get(status, "error")
        self.errors = dict(errors or {})
        self.headers = dict(headers or {})


def field_errors(errors: Mapping[str, list[str]]) -> Problem:
    """422 with the texts of each field, by dotted path."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Some fields are not valid.", errors=errors)


def from_validation(error: ValidationError) -> Problem:
    """422 from pydantic's findings, without the values."""
    errors: dict[str, list[str]] = {}
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        path = ".".join(str(part) for part in problem["loc"]) or "body"
        said = "is required" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
        errors.setdefault(path, []).append(said)
    return field_errors(errors)


def problem_response(request: Request, problem: Problem) -> Response:
    """The answer to a request that failed."""
    status = problem.status
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title_of(status),
        "status": status,
        "detail": problem.detail,
        "instance": request.scope["path"],
        "code": problem.code,
        "message": problem.detail,
        "status_code": status,
        "errors": problem.errors,
        "request_id": request.scope.get("request_id", ""),
    }
    return Response(msgspec.json.encode(body), status, headers=problem.headers, media_type=MEDIA_TYPE)


def install(app: Starlette) -> None:
    """Make every error of the application a problem."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(DatabaseAway, _on_database_away)


async def _on_problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return problem_response(request, error)


async def _on_http(request: Request, error: Exception) -> Response:
    """The framework's own errors: unknown paths and methods."""
    if not isinstance(error, HTTPException):
        raise error
    details = {404: "There is nothing at this path.", 405: "This method is not allowed here."}
    detail = details.get(error.status_code, title_of(error.status_code))
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(allowed_methods(request))
    return problem_response(request, Problem(error.status_code, detail, headers=headers))


def allowed_methods(request: Request) -> list[str]:
    """Every method that the request's path takes, whichever route has it."""
    found: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return sorted(found | ({"HEAD"} if "GET" in found else set()))


async def _on_database_away(request: Request, error: Exception) -> Response:
    detail = "The database is away; nothing was changed. Try again."
    if isinstance(error, CommitUnknown):
        detail = (
            "The database went away during the commit: the change was made or it was not."
            " Repeat the request with its Idempotency-Key."
        )
    return problem_response(request, Problem(503, detail, headers={"Retry-After": "1"}))


def unexpected(request: Request, error: Exception) -> Response:
    """A bug of ours: logged with its place, told without it."""
    _log.error("request_failed", path=request.scope["path"], request_id=request.scope.get("request_id"), **bug(error))
    return problem_response(request, Problem(500, "Something went wrong here; it was recorded."))
