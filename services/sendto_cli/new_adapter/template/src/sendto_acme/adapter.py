"""The Acme adapter: sends what `translate` makes, and says what the answers mean."""

from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic import BaseModel

from sendto.sdk import (
    Ambiguous,
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
from sendto_acme import translate
from sendto_acme.config import AcmeConfig


class AcmeAdapter:
    """Keeps recipients right at Acme."""

    name: ClassVar[str] = "acme"
    api_version: ClassVar[int] = 1
    Config: ClassVar[type[BaseModel]] = AcmeConfig
    documentation: ClassVar[Documentation] = Documentation(
        title="Acme",
        summary="Keeps a recipient for each order at Acme.",
        example={"url": "https://api.acme.example/v1", "token": "env:ACME_TOKEN"},
        errors={"no_id": "Acme answered a create without an id; the core looks the object up before it goes on."},
    )

    def __init__(self, config: AcmeConfig) -> None:
        self._base_url = config.base_url
        self._headers = {"authorization": f"Bearer {config.token.get_secret_value()}"}
        # Say here what Acme can do; the kit finds out whether it is true.
        self.capabilities = Capabilities(idempotency=Idempotency.LOOKUP, has_fetch=True, rate="100/min")

    def content(self, command: Command) -> dict[str, Any]:
        """What Acme would hold (pure)."""
        return translate.recipient(command)

    def translate(self, command: Command) -> HttpRequest:
        """The request of a command (pure)."""
        return self._signed(translate.request(command, self._base_url))

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Carry out one command."""
        response = await http.send(self.translate(command))
        outcome = classify(command.operation, self.capabilities, response, now=datetime.now(UTC))
        if not isinstance(outcome, Applied) or command.operation is Operation.DELETE:
            return outcome
        remote = _id(response.json()) or command.remote
        return Applied(remote) if remote else Ambiguous("no_id")

    async def find(self, reference: str, http: Http) -> RemoteRef | None:
        """Acme's id for our reference; None only if Acme surely holds nothing."""
        response = await http.send(self._signed(translate.look_up(reference, self._base_url)))
        body = response.json()
        if response.status != HTTPStatus.OK or not isinstance(body, dict) or not isinstance(body.get("data"), list):
            raise LookupFailed(self._failed(response))
        return _id(body["data"][0]) if body["data"] else None

    async def fetch(self, remote: RemoteRef, http: Http) -> RemoteState | None:
        """What Acme holds, in the form of `content`."""
        response = await http.send(self._signed(translate.read(remote, self._base_url)))
        body = response.json()
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        if response.status != HTTPStatus.OK or not isinstance(body, dict):
            raise LookupFailed(self._failed(response))
        return RemoteState(remote, {name: body.get(name) for name in ("name", "email", "phone")})

    async def check(self, http: Http) -> Health:
        """Whether Acme answers and takes our token."""
        response = await http.send(self._signed(translate.look_up("0", self._base_url)))
        match response.status:
            case HTTPStatus.OK:
                return Health(HealthVerdict.PASSES)
            case HTTPStatus.UNAUTHORIZED:
                return Health(HealthVerdict.UNAUTHORIZED, "Acme does not take the token")
            case HTTPStatus.FORBIDDEN:
                return Health(HealthVerdict.FORBIDDEN, "the token may not read recipients")
            case status:
                return Health(HealthVerdict.MISCONFIGURED, f"http_{status}")

    def _signed(self, request: HttpRequest) -> HttpRequest:
        return replace(request, headers=self._headers | dict(request.headers))

    def _failed(self, response: HttpResponse) -> Outcome:
        return classify(Operation.UPDATE, self.capabilities, response, now=datetime.now(UTC))


def _id(body: Any) -> RemoteRef | None:  # noqa: ANN401 - whatever Acme sent
    found = body.get("id") if isinstance(body, dict) else None
    return RemoteRef(str(found)) if isinstance(found, str | int) and str(found) else None
