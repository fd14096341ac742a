"""The webhook adapter: POST of one signed CloudEvent; what the answers mean is stricter than for an API."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic import BaseModel
from pydantic_core import to_json
from standardwebhooks import Webhook

from sendto.sdk import (
    Applied,
    Capabilities,
    Command,
    Documentation,
    Gone,
    Health,
    HealthVerdict,
    Http,
    HttpRequest,
    HttpResponse,
    Idempotency,
    LookupFailed,
    Outcome,
    RateLimited,
    Rejected,
    RemoteRef,
    Transient,
    Unauthorized,
    Unsupported,
    retry_after,
)
from sendto_dispatcher.adapters.webhook.config import WebhookConfig
from sendto_dispatcher.adapters.webhook.translate import content, event, signing_time

_REJECTS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY})
_NOTHING_DONE = frozenset({HTTPStatus.TOO_EARLY, HTTPStatus.SERVICE_UNAVAILABLE})
_REFUSES = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class WebhookAdapter:
    """Sends an order's customer to any system as a signed event. Receivers upsert by source and order."""

    name: ClassVar[str] = "webhook"
    api_version: ClassVar[int] = 1
    Config: ClassVar[type[BaseModel]] = WebhookConfig
    documentation: ClassVar[Documentation] = Documentation(
        title="Webhook",
        summary="Any system that takes signed CloudEvents: each change of an order's customer is one POST.",
        example={"url": "https://acme.example/customers", "secrets": ["env:ACME_WEBHOOK_SECRET"]},
        errors={
            "`http_400`, `http_413`, `http_422`": "the receiver refuses this event; a newer state is sent again",
            "`http_410`": "the receiver wants no more: the provider is held until its address answers again",
            "`http_404`, `http_409` and other `http_4xx`": "tried again: a receiver that is misdeployed loses nothing",
        },
        notes=(
            "Signed per Standard Webhooks: `webhook-signature` holds one signature for each of `secrets`.",
            "To rotate a secret, add the new one, change the receiver, then take the old one out.",
            "Upsert by `source` and `data.order_id`, and ignore an event whose `sequence` is lower than what you hold.",
            "Only a status of 2xx is success. `webhook-id` stays the same when an event is sent again.",
            "An address in a private network is refused unless `allow_private` is true, also when a name leads there.",
        ),
    )

    def __init__(self, config: WebhookConfig) -> None:
        self._url = str(config.url)
        self._signers = [Webhook(secret.get_secret_value()) for secret in config.secrets]
        self.allow_private = config.allow_private
        self.capabilities = Capabilities(upsert=True, idempotency=Idempotency.NATURAL_KEY, carries_source=True)

    def content(self, command: Command) -> dict[str, Any]:
        """`data` of the event (pure)."""
        return content(command)

    def translate(self, command: Command) -> HttpRequest:
        """The signed request, as it would be sent now."""
        body = to_json(event(command))
        moment, text = signing_time(datetime.now(UTC)), body.decode()
        signatures = " ".join(signer.sign(command.idempotency_key, moment, text) for signer in self._signers)
        headers = {
            "content-type": "application/cloudevents+json",
            "webhook-id": command.idempotency_key,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": signatures,
        }
        return HttpRequest("POST", self._url, headers, body)

    async def apply(self, command: Command, http: Http) -> Outcome:
        """Send one event."""
        return outcome_of(await http.send(self.translate(command)), now=datetime.now(UTC))

    async def find(self, reference: str, http: Http) -> RemoteRef | None:
        """A webhook cannot be asked."""
        del reference, http
        raise LookupFailed(Unsupported("lookup_unsupported", "a webhook cannot be asked what it holds"))

    async def check(self, http: Http) -> Health:
        """Whether the address answers at all, without an event: a receiver shall not refuse our credentials."""
        response = await http.send(HttpRequest("OPTIONS", self._url))
        if response.status == HTTPStatus.UNAUTHORIZED:
            return Health(HealthVerdict.UNAUTHORIZED, "the receiver asks for credentials; events are only signed")
        if response.status == HTTPStatus.FORBIDDEN:
            return Health(HealthVerdict.FORBIDDEN, "the receiver refuses us")
        if response.status == HTTPStatus.GONE:
            return Health(HealthVerdict.MISCONFIGURED, "the address is gone")
        return Health(HealthVerdict.PASSES)


def outcome_of(response: HttpResponse, *, now: datetime) -> Outcome:
    """What a receiver's answer means: only 2xx is success, and little of the rest is final."""
    status = response.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Applied()
    code, retry_after_s = f"http_{status}", retry_after(response.headers, now=now)
    if status in _REJECTS:
        return Rejected(code)
    if status in _REFUSES:
        return Unauthorized(code)
    if status == HTTPStatus.GONE:
        return Gone(code)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(retry_after_s)
    return Transient(code, retry_after_s=retry_after_s, nothing_done=status in _NOTHING_DONE)
