"""The sendcloud adapter: upserts by our reference, up to a hundred orders in one request."""

import asyncio
import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import BaseModel

from sendto.sdk import (
    AlreadyAbsent,
    Applied,
    Capabilities,
    Command,
    DeleteMode,
    Documentation,
    Health,
    HealthVerdict,
    Http,
    HttpRequest,
    HttpResponse,
    Idempotency,
    LookupFailed,
    Operation,
    Outcome,
    Rejected,
    RemoteRef,
    RemoteState,
    Requirement,
    Transient,
    Unauthorized,
    classify,
)
from sendto.sdk.reading import health_of, read_failed
from sendto.sdk.translation import json_object, json_objects, json_request
from sendto.sdk.urls import base
from sendto_dispatcher.adapters.sendcloud import examples, translate
from sendto_dispatcher.adapters.sendcloud.answers import outcome_of, outcomes_of
from sendto_dispatcher.adapters.sendcloud.config import SendcloudConfig
from sendto_dispatcher.adapters.sendcloud.page import DOCUMENTATION

_BATCH = 100


class SendcloudAdapter:
    """Keeps an order of Sendcloud for every order, with the customer in it."""

    name: ClassVar[str] = "sendcloud"
    api_version: ClassVar[int] = 1
    Config: ClassVar[type[BaseModel]] = SendcloudConfig
    documentation: ClassVar[Documentation] = DOCUMENTATION

    def __init__(self, config: SendcloudConfig) -> None:
        self._base_url = base(config.base_url)
        keys = f"{config.public_key.get_secret_value()}:{config.secret_key.get_secret_value()}"
        self._headers = {"authorization": f"Basic {base64.b64encode(keys.encode()).decode()}"}
        self._integration_id = config.integration_id
        self._default_currency = config.default_currency
        self._anonymise = config.on_delete == "anonymise"
        self._save_s = config.save_s
        self.capabilities = Capabilities(
            upsert=True,
            idempotency=Idempotency.NATURAL_KEY,
            lookup_lag_s=config.save_s,
            requests={Operation.DELETE: 3},
            batch=_BATCH,
            requires=frozenset({Requirement.ORDER}),
            delete_mode=DeleteMode.ANONYMISE if self._anonymise else DeleteMode.DELETE,
            async_apply=True,
            has_fetch=True,
            rate="100/min",
            max_lengths={"notes": translate.NOTES_CHARACTERS, "payment": translate.ADDRESS_CHARACTERS},
        )

    def content(self, command: Command) -> dict[str, Any]:
        """What Sendcloud would hold (pure)."""
        return translate.content(command, self._default_currency)

    def translate(self, command: Command) -> HttpRequest:
        """The upsert of this one order, or the look-up that a delete begins with (pure)."""
        if command.operation is Operation.DELETE:
            return self._look_up(command.reference)
        return self._upsert([command])

    def example_answer(self, command: Command, request: HttpRequest, number: int) -> HttpResponse:
        """Sendcloud's answer to a request on the way of a command, as it is documented (pure)."""
        return examples.answer(command, request, number)

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Carry out one command."""
        if command.operation is Operation.DELETE:
            return await self._delete(command, http)
        problem = translate.problem(command, self._default_currency)
        if problem is not None:
            return problem
        response = await http.send(self._upsert([command]))
        return outcome_of(command.reference, response, self.capabilities, now=datetime.now(UTC))

    async def apply_many(self, commands: Sequence[Command], http: Http) -> list[Outcome]:
        """Upsert several orders in one request; what Sendcloud cannot take at all is left out of it."""
        outcomes: dict[str, Outcome] = {}
        good: list[Command] = []
        for command in commands:
            problem = translate.problem(command, self._default_currency)
            if problem is None:
                good.append(command)
            else:
                outcomes[command.reference] = problem
        if good:
            references = [command.reference for command in good]
            response = await http.send(self._upsert(good))
            answers = outcomes_of(references, response, self.capabilities, now=datetime.now(UTC))
            outcomes |= dict(zip(references, answers, strict=True))
        return [outcomes[command.reference] for command in commands]

    async def find(self, reference: str, http: Http) -> RemoteRef | None:
        """Sendcloud's id of the order."""
        order = await self._find_order(reference, http)
        return None if order is None else RemoteRef(str(order["id"]))

    async def fetch(self, remote: RemoteRef, http: Http) -> RemoteState | None:
        """What Sendcloud holds under an id of its own."""
        response = await http.send(
            HttpRequest("GET", f"{self._base_url}/orders/{quote(remote.value, safe='')}", self._headers)
        )
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        order = json_object(response).get("data")
        if response.status != HTTPStatus.OK or not isinstance(order, dict):
            raise read_failed(response)
        return RemoteState(remote, translate.held(order))

    async def check(self, http: Http) -> Health:
        """Whether the keys work and the integration is one of theirs."""
        query = f"integration={self._integration_id}&page_size=1"
        response = await http.send(HttpRequest("GET", f"{self._base_url}/orders?{query}", self._headers))
        match response.status:
            case HTTPStatus.OK if isinstance(json_object(response).get("data"), list):
                return Health(HealthVerdict.PASSES)
            case HTTPStatus.BAD_REQUEST:
                return Health(HealthVerdict.MISCONFIGURED, "integration_id is not an integration of this account")
            case _:
                return health_of(response)

    async def _delete(self, command: Command, http: Http) -> Outcome:
        try:
            order = await self._find_saved(command, http)
        except LookupFailed as failure:
            return failure.outcome
        if order is None:
            return AlreadyAbsent()
        response = await http.send(self._removal(order))
        return _removed(response, self.capabilities, anonymised=self._anonymise)

    async def _find_saved(self, command: Command, http: Http) -> dict[str, Any] | None:
        """The order, looked for twice: Sendcloud shows an order only some time after it has answered for it."""
        order = await self._find_order(command.reference, http)
        if order is None and self._save_s < command.deadline_s / 2:
            await asyncio.sleep(self._save_s)
            order = await self._find_order(command.reference, http)
        return order

    async def _find_order(self, reference: str, http: Http) -> dict[str, Any] | None:
        response = await http.send(self._look_up(reference))
        if response.status == HTTPStatus.BAD_REQUEST:  # it is all that could be wrong with the question
            raise LookupFailed(Unauthorized("integration_unknown", "Sendcloud does not know the integration"))
        orders = json_object(response).get("data")
        if response.status != HTTPStatus.OK or not isinstance(orders, list):
            raise read_failed(response)
        return next((order for order in json_objects(orders) if self._is(order, reference)), None)

    def _is(self, order: dict[str, Any], reference: str) -> bool:
        return order.get("order_id") == reference and str(order.get("id", "")).isdecimal()

    def _removal(self, order: dict[str, Any]) -> HttpRequest:
        url = f"{self._base_url}/orders/{int(order['id'])}"
        if self._anonymise:
            return json_request("PATCH", url, self._headers, translate.anonymised(order))
        return HttpRequest("DELETE", url, self._headers)

    def _look_up(self, reference: str) -> HttpRequest:
        return translate.look_up(reference, self._base_url, self._headers, self._integration_id)

    def _upsert(self, commands: list[Command]) -> HttpRequest:
        return translate.upsert(commands, self._base_url, self._headers, self._integration_id, self._default_currency)


def _removed(response: HttpResponse, capabilities: Capabilities, *, anonymised: bool) -> Outcome:
    outcome = classify(Operation.DELETE, capabilities, response, now=datetime.now(UTC))
    body = json_object(response)
    match outcome:
        case Applied() if "errors" in body or (anonymised and "data" not in body):
            return Transient("answer_unreadable", "Sendcloud's answer does not say that it was done")
        case Rejected() if anonymised:
            return Rejected("anonymise_refused", "Sendcloud did not let the person in the order be overwritten")
        case _:
            return outcome
