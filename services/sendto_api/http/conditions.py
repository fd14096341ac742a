"""ETags and conditional requests (RFC 9110 §13): the version in quotes, the same for an order and its customer."""

from http import HTTPStatus

from starlette.requests import Request

from sendto_api.http.problems import Problem


def etag(version: int) -> str:
    """The strong ETag of an order and its customer."""
    return f'"{version}"'


def check_if_match(request: Request, version: int | None) -> None:
    """Refuse a write whose `If-Match` names another version; `*` wants the resource to exist.

    Raises:
        Problem: 412.
    """
    wanted = request.headers.get("if-match")
    if wanted is None:
        return
    tags = _tags(wanted)
    if version is not None and ("*" in tags or etag(version) in tags):
        return
    raise Problem(HTTPStatus.PRECONDITION_FAILED, "The resource is not at the version that If-Match names.")


def refuse_if_none_match(request: Request, version: int | None) -> None:
    """Refuse a write whose `If-None-Match` names what is there; `*` wants the resource not to exist.

    Raises:
        Problem: 412.
    """
    unwanted = request.headers.get("if-none-match")
    if unwanted is None or version is None:
        return
    if {"*", etag(version)} & _tags(unwanted):
        raise Problem(HTTPStatus.PRECONDITION_FAILED, "The resource exists at the version that If-None-Match names.")


def not_modified(request: Request, version: int) -> bool:
    """Whether the caller has this version already."""
    tags = {tag.removeprefix("W/") for tag in _tags(request.headers.get("if-none-match", ""))}
    return bool(tags & {"*", etag(version)})


def _tags(header: str) -> set[str]:
    return {tag.strip() for tag in header.split(",") if tag.strip()}
