"""An adapter that may make several requests for a command can show them all; the kit finds one that cannot."""

from dataclasses import replace

import pytest
from fake_acme import TOKEN, FakeAcme

from sendto.sdk import Command, Http, HttpRequest, HttpResponse, Operation, Outcome
from sendto.sdk.testing import Breach, Case, checks_for, run_check
from sendto.sdk.translation import json_answer
from sendto_acme import AcmeAdapter, AcmeConfig


class ShowsItsFirstRequestOnly(AcmeAdapter):
    """Looks up before it writes: a plan of it would hide what is written."""

    def __init__(self, config: AcmeConfig) -> None:
        super().__init__(config)
        self.capabilities = replace(self.capabilities, requests=dict.fromkeys(Operation, 2))

    async def apply(self, command: Command, http: Http) -> Outcome:
        await self.find(command.reference, http)
        return await super().apply(command, http)


class ShowsAWayThatEndsNowhere(ShowsItsFirstRequestOnly):
    def example_answer(self, _: Command, request: HttpRequest, __: int) -> HttpResponse:
        return json_answer(200 if request.method == "GET" else 400, {"data": []})


class ShowsAll(ShowsItsFirstRequestOnly):
    def example_answer(self, _: Command, request: HttpRequest, number: int) -> HttpResponse:
        return json_answer(200, {"data": []} if request.method == "GET" else {"id": f"r{number}"})


@pytest.mark.parametrize(
    ("adapter", "says"),
    [
        (ShowsItsFirstRequestOnly, "give it example_answer"),
        (ShowsAWayThatEndsNowhere, "comes to Rejected"),
        (ShowsAll, None),
    ],
)
def test_whether_all_requests_can_be_shown(adapter: type[AcmeAdapter], says: str | None) -> None:
    case = Case(adapter=adapter, config=lambda url: {"url": url, "token": TOKEN}, fake=FakeAcme)
    [check] = [one for one in checks_for(case) if one.name == "all_requests_can_be_shown"]

    if says is None:
        run_check(case, check)
        return
    with pytest.raises(Breach, match=says):
        run_check(case, check)
