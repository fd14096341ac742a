"""The webhook adapter keeps the promises of an adapter."""

import base64
from typing import Any

from standardwebhooks import Webhook

from sendto.sdk.testing import Answer, Case, Conformance, Fake, Received
from sendto_dispatcher.adapters.webhook import WebhookAdapter

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


class Receiver(Fake):
    """A receiver as receivers are told to be: it checks the signature, upserts, and ignores what is older."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.sequences: dict[str, int] = {}

    def answer(self, request: Received) -> Answer:
        """One request."""
        if request.method != "POST":
            return Answer(204)
        Webhook(SECRET).verify(request.body, dict(request.headers))
        event = request.json()
        subject, sequence = event["subject"], int(event["sequence"])
        if sequence < self.sequences.get(subject, 0):
            return Answer(204)
        self.sequences[subject] = sequence
        if event["type"] == "customer.deleted":
            self.objects.pop(subject, None)
        else:
            self.objects[subject] = event["data"]
        return Answer(204)

    def held(self, reference: str) -> list[dict[str, Any]]:
        """Its objects of a reference."""
        found = self.objects.get(f"orders/{reference}/customer")
        return [found] if found else []


class TestWebhook(Conformance):
    case = Case(
        adapter=WebhookAdapter,
        config=lambda url: {"url": f"{url}/hook", "secrets": [SECRET]},
        fake=Receiver,
    )
