"""Translation, by example."""

import json
from datetime import UTC, datetime

from sendto.sdk import Command, Operation, RemoteRef
from sendto.sdk.testing import CANARIA, ORDER
from sendto_acme import translate

COMMAND = Command(
    operation=Operation.CREATE,
    reference="51342",
    source="/sendto/api",
    order_id=51342,
    version=1,
    generation=1,
    customer=CANARIA,
    order=ORDER,
    remote=RemoteRef("r1"),
    idempotency_key="key",
    occurred_at=datetime(2026, 1, 2, tzinfo=UTC),
    attempt=1,
    deadline_s=10.0,
)


def test_a_create_posts_a_recipient_with_our_reference() -> None:
    """Name in one, mobile number first."""
    request = translate.request(COMMAND, "https://api.acme.example/v1")

    assert (request.method, request.url) == ("POST", "https://api.acme.example/v1/recipients")
    assert json.loads(request.body) == {
        "reference": "51342",
        "name": "Canaria Finkensang",
        "email": "canaria.finkensang@kit.example",
        "phone": "+447700900123",
    }
