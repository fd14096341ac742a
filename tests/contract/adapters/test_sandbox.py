"""The sandbox adapter keeps the promises of an adapter, in both of its modes."""

from typing import Any

from sendto.sdk.testing import Answer, Case, Conformance, Fake, Received
from sendto_dispatcher.adapters.sandbox import SandboxAdapter

TOKEN = "a-token-of-the-tests"


class FakeSandbox(Fake):
    """The sandbox in miniature: `PUT` upserts by reference, `POST` makes another object."""

    def __init__(self) -> None:
        self.objects: dict[int, dict[str, Any]] = {}
        self._last_id = 0

    def answer(self, request: Received) -> Answer:
        """One request."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401)
        key = request.path.removeprefix("/v1/recipients").removeprefix("/")
        match request.method:
            case "POST":
                return self._made(request.json())
            case "PUT":
                known = self._ids(key)
                if not known:
                    return self._made(request.json())
                self.objects[known[0]] |= request.json()
                return Answer(200, {"id": known[0]})
            case "DELETE":
                for known_id in self._ids(key):
                    del self.objects[known_id]
                    return Answer(200, {"id": known_id})
                return Answer(404)
            case _ if not key:
                return Answer(200, {"data": []})
            case _:
                return next((Answer(200, self.objects[known_id]) for known_id in self._ids(key)), Answer(404))

    def held(self, reference: str) -> list[dict[str, Any]]:
        """Its objects of a reference."""
        return [self.objects[known_id] for known_id in self._ids(reference)]

    def _ids(self, key: str) -> list[int]:
        if key.startswith("id:"):
            return [known_id for known_id in self.objects if str(known_id) == key.removeprefix("id:")]
        return [known_id for known_id, state in self.objects.items() if state["reference"] == key]

    def _made(self, state: dict[str, Any]) -> Answer:
        self._last_id += 1
        self.objects[self._last_id] = state | {"id": self._last_id}
        return Answer(201, {"id": self._last_id})


class TestUpsert(Conformance):
    case = Case(adapter=SandboxAdapter, config=lambda url: {"url": url, "token": TOKEN}, fake=FakeSandbox)


class TestLookup(Conformance):
    case = Case(
        adapter=SandboxAdapter,
        config=lambda url: {"url": url, "token": TOKEN, "mode": "lookup"},
        fake=FakeSandbox,
        name="sandbox-lookup",
    )
