"""All requests of a call are shown without sending one; what an answer brings is marked."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from pydantic import BaseModel

from sendto.sdk import Adapter, Applied, Capabilities, Command, Http, HttpRequest, HttpResponse, Operation, RemoteRef
from sendto.sdk.rehearsal import FROM_ANSWER, rehearse, rehearse_look_up, rehearse_reading
from sendto.sdk.testing import CANARIA, ORDER
from sendto.sdk.translation import json_answer, json_object

COMMAND = Command(
    operation=Operation.UPDATE,
    reference="7",
    source="/shop",
    order_id=7,
    version=1,
    generation=1,
    customer=CANARIA,
    order=ORDER,
    remote=None,
    idempotency_key="sendto-1-1",
    occurred_at=datetime(2026, 1, 2, tzinfo=UTC),
    attempt=1,
    deadline_s=10.0,
)


class _Plain:
    """Gets a token, looks the object up, writes to it by its id."""

    name, api_version, Config = "plain", 1, BaseModel
    capabilities = Capabilities(requests={Operation.UPDATE: 3}, has_fetch=True)

    def content(self, _: Command) -> dict[str, Any]:
        return {}

    def translate(self, command: Command) -> HttpRequest:
        return HttpRequest("GET", f"https://acme.example/find?ref={command.reference}")

    async def apply(self, command: Command, http: Http) -> Applied:
        remote = command.remote or await self.find(command.reference, http)
        assert remote is not None
        body = json.dumps({"id": remote.value, "name": "Ada"}).encode()
        await http.send(HttpRequest("PUT", f"https://acme.example/objects/{remote.value}?x=1", {}, body))
        return Applied(remote)

    async def find(self, reference: str, http: Http) -> RemoteRef | None:
        found = json_object(await http.send(HttpRequest("GET", f"https://acme.example/find?ref={reference}")))
        return RemoteRef(str(found["id"])) if "id" in found else None

    async def fetch(self, remote: RemoteRef, http: Http) -> None:
        await http.send(HttpRequest("GET", f"https://acme.example/objects/{remote.value}"))
        await http.send(HttpRequest("GET", "https://acme.example/never"))

    async def check(self, _: Http) -> Any:
        raise NotImplementedError


class _Telling(_Plain):
    """The same, with example answers."""

    def example_answer(self, _: Command, request: HttpRequest, number: int) -> HttpResponse:
        return json_answer(200, {"id": f"o{number}"} if request.method == "GET" else {})


def _plain() -> Adapter:
    return cast("Adapter", _Plain())


def _telling() -> Adapter:
    return cast("Adapter", _Telling())


def _addresses(requests: list[HttpRequest]) -> list[tuple[str, str]]:
    return [(one.method, one.url.removeprefix("https://acme.example")) for one in requests]


LOOK_UP = ("GET", "/find?ref=7")
WRITE = ("PUT", f"/objects/{FROM_ANSWER}?x=1")


async def test_the_look_up_and_the_write_are_shown_with_what_comes_from_the_answer() -> None:
    rehearsal = await rehearse(_telling, COMMAND)

    assert _addresses(rehearsal.requests) == [LOOK_UP, WRITE]
    assert json.loads(rehearsal.requests[1].body) == {"id": FROM_ANSWER, "name": "Ada"}
    assert isinstance(rehearsal.outcome, Applied)


async def test_what_the_command_brings_is_not_marked() -> None:
    rehearsal = await rehearse(_telling, replace(COMMAND, remote=RemoteRef("known")))

    assert _addresses(rehearsal.requests) == [("PUT", "/objects/known?x=1")]


async def test_without_examples_the_first_request_is_shown() -> None:
    assert _addresses((await rehearse(_plain, COMMAND)).requests) == [LOOK_UP]
    assert _addresses((await rehearse_look_up(_plain, COMMAND)).requests) == [LOOK_UP]


async def test_a_look_up_is_shown_with_what_follows() -> None:
    rehearsal = await rehearse_look_up(_telling, replace(COMMAND, remote=RemoteRef("older")))

    assert _addresses(rehearsal.requests) == [LOOK_UP, WRITE]


@pytest.mark.parametrize("make", [_plain, _telling])
async def test_of_a_reading_the_first_request_is_shown(make: Any) -> None:
    rehearsal = await rehearse_reading(make, COMMAND, RemoteRef("o7"))

    assert _addresses(rehearsal.requests) == [("GET", "/objects/o7")]


async def test_an_adapter_that_never_ends_is_stopped() -> None:
    class Endless(_Telling):
        async def apply(self, command: Command, http: Http) -> Applied:
            while True:
                await self.find(command.reference, http)

    rehearsal = await rehearse(lambda: cast("Adapter", Endless()), COMMAND)

    assert rehearsal.outcome is None
    assert set(_addresses(rehearsal.requests)) == {LOOK_UP}
