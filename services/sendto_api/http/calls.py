"""The calls of the API as routes: where each is, what answers it, what the document says of it."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from sendto_api.http.documentation import Operation

Endpoint = Callable[[Request], Awaitable[Response]]


class Call(Route):
    """One method of one path."""

    def __init__(self, method: str, path: str, answer: Endpoint, operation: Operation) -> None:
        super().__init__(path, answer, methods=[method])
        self.method = method
        self.operation = operation

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether it is this one; what the request passed through on its way here learns which."""
        match, found = super().matches(scope)
        if match is Match.FULL:
            found["route"] = self
        return match, found
