"""A provider's own OpenAPI document, to hold requests against (openapi-core)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from jsonschema_path import SchemaPath
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict


class _Request:
    """A request in the form that openapi-core reads (its `Request` protocol)."""

    def __init__(
        self,
        host_url: str,
        method: str,
        path: str,
        query: Mapping[str, list[str]],
        headers: Mapping[str, str],
        body: bytes,
    ) -> None:
        self.host_url = host_url
        self.method = method.lower()
        self.path = path
        self.body = body or None
        self.content_type = headers.get("content-type", "")
        self.parameters = RequestParameters(
            query=ImmutableMultiDict([(name, value) for name, values in query.items() for value in values]),
            header=Headers(list(headers.items())),
        )


class Specification:
    """Reads requests of a scripted provider as if they had gone to the document's own server."""

    def __init__(self, document: OpenAPI, server: str) -> None:
        self._document = document
        self._server = urlsplit(server)

    @classmethod
    def read(cls, path: Path, *, server: str | None = None) -> Self:
        """Read a document; `server` chooses the address of its server where it names none or several."""
        document = OpenAPI.from_file_path(str(path))
        named = [str(one["url"]) for one in _servers(document.spec)]
        return cls(document, server or (named[0] if named else "http://localhost"))

    def problem(
        self, method: str, path: str, *, query: Mapping[str, list[str]], headers: Mapping[str, str], body: bytes
    ) -> str | None:
        """What is wrong with a request, without its values; None if it is valid.

        Args:
            method: of the request.
            path: below the address that the adapter was given.
            query: all values of each name.
            headers: names in lower case.
            body: as it was sent.
        """
        base = self._server.path.rstrip("/")
        place = path if base and path.startswith(base + "/") else base + path
        host = f"{self._server.scheme}://{self._server.netloc}"
        try:
            self._document.validate_request(_Request(host, method, place, query, headers, body))
        except OpenAPIError as error:
            return _told(error)
        return None


def _servers(spec: SchemaPath) -> list[Any]:
    servers = spec.read_value().get("servers")
    return servers if isinstance(servers, list) else []


def _told(error: BaseException) -> str:
    """The errors of the schema by their places, never by what was sent."""
    told = [type(error).__name__]
    cause: BaseException | None = error
    while cause is not None:
        for problem in getattr(cause, "schema_errors", None) or []:
            place = ".".join(map(str, problem.absolute_path)) or "body"
            told.append(f"{place}: breaks {problem.validator} ({problem.validator_value!r})"[:200])
        cause = cause.__cause__
    if len(told) == 1:
        told.append(str(error)[:200])
    return "; ".join(told)
