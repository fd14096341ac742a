"""The karrio adapter: an address in the address book of a Karrio server, which reaches many carriers."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic import BaseModel

from sendto.sdk import (
    AlreadyAbsent,
    Capabilities,
    Command,
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
)
from sendto.sdk.reading import health_of, read_failed
from sendto.sdk.translation import json_object, json_objects
from sendto.sdk.urls import base
from sendto_dispatcher.adapters.karrio import examples, translate
from sendto_dispatcher.adapters.karrio.answers import identifier, outcome_of
from sendto_dispatcher.adapters.karrio.config import KarrioConfig
from sendto_dispatcher.adapters.karrio.page import DOCUMENTATION


class KarrioAdapter:
    """Keeps an address of Karrio for every order."""

    name: ClassVar[str] = "karrio"
    api_version: ClassVar[int] = 1
    Config: ClassVar[type[BaseModel]] = KarrioConfig
    documentation: ClassVar[Documentation] = DOCUMENTATION

    def __init__(self, config: KarrioConfig) -> None:
        self._base_url = base(config.base_url)
        self._headers = {"authorization": f"Token {config.api_key.get_secret_value()}"}
        self._default_country = config.default_country
        self.capabilities = Capabilities(
            idempotency=Idempotency.LOOKUP,
            requests={Operation.UPDATE: 2, Operation.DELETE: 2},
            requires=frozenset() if config.default_country else frozenset({Requirement.DELIVERY_ADDRESS}),
            has_fetch=True,
            rate="600/min",
            max_lengths={
                "person_name": translate.NAME_CHARACTERS,
                "city": translate.CITY_CHARACTERS,
                "state_code": translate.STATE_CHARACTERS,
                "postal_code": translate.POSTCODE_CHARACTERS,
                "address_line1": translate.LINE_CHARACTERS,
                "address_line2": translate.LINE_CHARACTERS,
            },
        )

    def content(self, command: Command) -> dict[str, Any]:
        """What Karrio would hold (pure)."""
        return translate.content(command, self._default_country)

    def translate(self, command: Command) -> HttpRequest:
        """The first request of a command (pure)."""
        if command.operation is Operation.CREATE:
            return translate.create(command, self._base_url, self._headers, self._default_country)
        if command.remote is None:
            return translate.search(command.reference, self._base_url, self._headers)
        return self._change(command, command.remote.value)

    def example_answer(self, command: Command, request: HttpRequest, number: int) -> HttpResponse:
        """Karrio's answer to a request on the way of a command, as it is documented (pure)."""
        return examples.answer(command, request, number)

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Carry out one command."""
        problem = None
        if command.operation is not Operation.DELETE:
            problem = translate.problem(command, self._default_country)
        if problem is not None:
            return problem
        request = self.translate(command)
        if command.operation is not Operation.CREATE and command.remote is None:
            try:
                remote = await self.find(command.reference, http)
            except LookupFailed as failure:
                return failure.outcome
            if remote is None:
                return AlreadyAbsent()
            request = self._change(command, remote.value)
        response = await http.send(request)
        return outcome_of(command.operation, response, self.capabilities, now=datetime.now(UTC))

    async def find(self, reference: str, http: Http) -> RemoteRef | None:
        """Karrio's id of the address with our reference in its label; of several, the oldest."""
        response = await http.send(translate.search(reference, self._base_url, self._headers))
        results = json_object(response).get("results")
        if response.status != HTTPStatus.OK or not isinstance(results, list):
            raise read_failed(response)
        addresses = json_objects(results)
        label = translate.label(reference)
        if any(not _contains(address, label) for address in addresses):
            raise LookupFailed(Rejected("search_unsupported", "this Karrio server does not search by keyword"))
        found = [known for address in addresses if _label(address) == label and (known := identifier(address))]
        return RemoteRef(found[-1]) if found else None

    async def fetch(self, remote: RemoteRef, http: Http) -> RemoteState | None:
        """What Karrio holds under an id of its own."""
        request = HttpRequest("GET", translate.place(remote.value, self._base_url), self._headers)
        response = await http.send(request)
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        address = json_object(response)
        if response.status != HTTPStatus.OK or identifier(address) != remote.value:
            raise read_failed(response)
        return RemoteState(remote, translate.held(address))

    async def check(self, http: Http) -> Health:
        """Whether there is a Karrio server and it takes our key."""
        response = await http.send(HttpRequest("GET", f"{self._base_url}/v1/addresses?limit=1", self._headers))
        if response.status == HTTPStatus.OK and isinstance(json_object(response).get("results"), list):
            return Health(HealthVerdict.PASSES)
        return health_of(response)

    def _change(self, command: Command, known: str) -> HttpRequest:
        if command.operation is Operation.DELETE:
            return HttpRequest("DELETE", translate.place(known, self._base_url), self._headers)
        return translate.update(command, known, self._base_url, self._headers, self._default_country)


def _label(address: dict[str, Any]) -> str:
    meta = address.get("meta")
    return str(meta.get("label") or "") if isinstance(meta, dict) else ""


def _contains(address: dict[str, Any], keyword: str) -> bool:
    """Whether the keyword is where Karrio looks for it; a server that does not know the parameter lists everything."""
    texts = [_label(address), *(str(address.get(name) or "") for name in (*translate.FIELDS, "company_name"))]
    return any(keyword.lower() in text.lower() for text in texts)
