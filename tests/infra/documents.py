"""What a provider's own OpenAPI document says of requests and answers."""

import json
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from infra.specs import specification
from sendto.sdk import HttpRequest, HttpResponse

CANARY = "LEAKED-0123456789"
"""in every text of a made-up answer; none of it may come back in an outcome"""


class Document:
    """One provider's document.

    Args:
        described: the document.
        host: where the API is, if the document does not say so.
    """

    def __init__(self, described: dict[str, Any], host: str) -> None:
        self._described = described
        self._host = host
        self._openapi = OpenAPI.from_dict(described, config=Config(spec_validator_cls=None))  # type: ignore[arg-type]  # not to be judged

    def complaint(self, request: HttpRequest) -> str | None:
        """Why a request is not as the document wants it, None if it is."""
        try:
            self._openapi.validate_request(_mocked(request))
        except OpenAPIError as error:
            return _told(error)
        return None

    def complaint_about_answer(self, request: HttpRequest, response: HttpResponse) -> str | None:
        """Why an answer is not as the document has it, None if it is."""
        answered = MockResponse(
            response.body, response.status, content_type=response.headers.get("content-type", "application/json")
        )
        try:
            self._openapi.validate_response(_mocked(request), answered)
        except OpenAPIError as error:
            return _told(error)
        return None

    def statuses(self, method: str, path: str) -> set[int]:
        """The documented statuses of an operation."""
        return {int(status) for status in self._operation(method, path)["responses"] if status.isdecimal()}

    def bodies(self, method: str, path: str, status: int) -> list[Any]:
        """Bodies as the document has them for a status: its examples, and one made from the schema. None: nothing."""
        response = self._resolved(self._operation(method, path)["responses"][str(status)])
        content = response.get("content", {}).get("application/json")
        if content is None:
            return [None]
        examples = [self._resolved(example)["value"] for example in content.get("examples", {}).values()]
        return [*examples, self.made(content.get("schema", {}))]

    def component(self, name: str) -> dict[str, Any]:
        """A schema by its name."""
        found: dict[str, Any] = self._described["components"]["schemas"][name]
        return found

    def made(self, schema: dict[str, Any]) -> Any:
        """A value with every member that the schema names, a canary in every free text."""
        schema = self._resolved(schema)
        if "allOf" in schema:
            parts = [self.made(part) for part in schema["allOf"]]
            return {k: v for part in parts for k, v in part.items()} if isinstance(parts[0], dict) else parts[0]
        for choice in ("oneOf", "anyOf"):
            if choice in schema:
                return self.made(schema[choice][0])
        if "enum" in schema:
            return schema["enum"][0]
        kinds = schema.get("type", "object")
        match kinds[0] if isinstance(kinds, list) else kinds:
            case "object":
                return {name: self.made(inner) for name, inner in schema.get("properties", {}).items()}
            case "array":
                return [self.made(schema["items"])]
            case "integer" | "number":
                return 1
            case "boolean":
                return False
            case _:
                return schema.get("example") or CANARY

    def _operation(self, method: str, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self._described["paths"][path][method]
        return found

    def _resolved(self, value: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in value:
            found = self._described
            for step in value["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            value = found
        return value


def repeats(outcome: object) -> bool:
    """Whether the words of an outcome repeat something of a made-up answer."""
    return any(CANARY in str(getattr(outcome, name, "")) for name in ("code", "detail"))


@cache
def document(path: str, host: str) -> Document:
    """A provider's document, or the end of the test where there is none."""
    file = specification(path)
    text = file.read_text(encoding="utf-8")
    return Document(json.loads(text) if file.suffix == ".json" else yaml.load(text, yaml.CSafeLoader), host)


def _mocked(request: HttpRequest) -> MockRequest:
    parts = urlsplit(request.url)
    headers = dict(request.headers)
    return MockRequest(
        f"{parts.scheme}://{parts.netloc}",
        request.method.lower(),
        parts.path,
        args=dict(parse_qsl(parts.query)),
        headers=headers,
        data=request.body or None,
        content_type=headers.get("content-type", ""),
    )


def _told(error: OpenAPIError) -> str:
    cause = error.__cause__
    errors = getattr(cause, "schema_errors", None) or [cause or error]
    return "; ".join(str(getattr(one, "message", one)) for one in errors)
