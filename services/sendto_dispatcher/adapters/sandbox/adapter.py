"""The sandbox adapter: two ways of creating, so that every way of the engine can be tried."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field, SecretStr

from sendto.sdk import (
    AdapterConfig,
    Applied,
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
    RemoteRef,
    RemoteState,
    classify,
)
from sendto.sdk.urls import PlainUrl
from sendto_dispatcher.adapters.sandbox import translate


class SandboxConfig(AdapterConfig):
    """Settings of the sandbox adapter."""

    url: PlainUrl
    """where the sandbox listens"""
    token: SecretStr | None = None
    """bearer token, if the sandbox wants one"""
    mode: Literal["upsert", "lookup"] = "upsert"
    """`upsert` puts by reference; `lookup` posts, and looks up a create whose answer was lost"""
    lookup_lag_s: Annotated[float, Field(ge=0)] = 0.0
    """how long the sandbox may take to show what it saved (`save_late_s` of its behaviour)"""


class SandboxAdapter:
    """Speaks to the sandbox provider."""

    name: ClassVar[str] = "sandbox"
    api_version: ClassVar[int] = 1
    Config: ClassVar[type[BaseModel]] = SandboxConfig
    documentation: ClassVar[Documentation] = Documentation(
        title="Sandbox",
        summary="The provider to try things on (`sendto sandbox`): a real server that behaves like a shipment provider "
        "and shows what it holds.",
        example={"url": "http://127.0.0.1:8082", "token": "env:SANDBOX_TOKEN", "mode": "upsert"},
        notes=('With `mode = "lookup"` it stands for a provider that makes a second object of a repeated create.',),
    )

    def __init__(self, config: SandboxConfig) -> None:
        self._base_url = str(config.url).rstrip("/")
        self._headers = {"authorization": f"Bearer {config.token.get_secret_value()}"} if config.token else {}
        self._by_post = config.mode == "lookup"
        self.capabilities = Capabilities(
            upsert=not self._by_post,
            idempotency=Idempotency.LOOKUP if self._by_post else Idempotency.NATURAL_KEY,
            has_fetch=True,
            lookup_lag_s=config.lookup_lag_s,
        )

    def content(self, command: Command) -> dict[str, Any]:
        """What the sandbox would hold (pure)."""
        return translate.recipient(command)

    def translate(self, command: Command) -> HttpRequest:
        """The one request of a command (pure)."""
        by_post = self._by_post and command.operation is Operation.CREATE
        return translate.request(command, self._base_url, self._headers, by_post=by_post)

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Carry out one command."""
        response = await http.send(self.translate(command))
        outcome = classify(command.operation, self.capabilities, response, now=datetime.now(UTC))
        if isinstance(outcome, Applied):
            return Applied(_remote(response))
        return outcome

    async def find(self, reference: str, http: Http) -> RemoteRef | None:
        """The sandbox's id for a reference."""
        state = await self._get(reference, http)
        return RemoteRef(str(state["id"])) if state else None

    async def fetch(self, remote: RemoteRef, http: Http) -> RemoteState | None:
        """What the sandbox holds under an id of its own."""
        state = await self._get(f"id:{remote.value}", http)
        if state is None:
            return None
        content = {key: state.get(key) for key in ("first_name", "last_name", "email", "phone", "order")}
        return RemoteState(remote, content)

    async def check(self, http: Http) -> Health:
        """Whether the sandbox answers and takes our token."""
        response = await http.send(HttpRequest("GET", f"{self._base_url}/v1/recipients?limit=1", self._headers))
        match response.status:
            case HTTPStatus.OK:
                return Health(HealthVerdict.PASSES)
            case HTTPStatus.UNAUTHORIZED:
                return Health(HealthVerdict.UNAUTHORIZED, "the token is not accepted")
            case HTTPStatus.FORBIDDEN:
                return Health(HealthVerdict.FORBIDDEN, "the token lacks a permission")
            case status:
                return Health(HealthVerdict.MISCONFIGURED, f"http_{status}")

    async def _get(self, reference: str, http: Http) -> dict[str, Any] | None:
        response = await http.send(HttpRequest("GET", f"{self._base_url}/v1/recipients/{reference}", self._headers))
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        body = response.json()
        if response.status != HTTPStatus.OK or not isinstance(body, dict):
            raise LookupFailed(classify(Operation.UPDATE, self.capabilities, response, now=datetime.now(UTC)))
        return body


def _remote(response: HttpResponse) -> RemoteRef | None:
    body = response.json()
    return RemoteRef(str(body["id"])) if isinstance(body, dict) and "id" in body else None
