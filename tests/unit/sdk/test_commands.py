"""What goes through logs and tracebacks by its repr shows no person."""

from datetime import UTC, datetime

from sendto.events.customer import Address, Customer, OrderSnapshot
from sendto.sdk import Command, Operation, RemoteState


def test_reprs_of_commands_and_states_show_no_person() -> None:
    command = Command(
        operation=Operation.CREATE,
        reference="51342",
        source="/shop",
        order_id=51342,
        version=1,
        generation=1,
        customer=Customer(first_name="Ada", last_name="Lovelace", email="ada@shop.test"),
        order=OrderSnapshot(address=Address(address_1="12 St James's Square")),
        remote=None,
        idempotency_key="key",
        occurred_at=datetime.now(UTC),
        attempt=1,
        deadline_s=1.0,
    )

    shown = repr(command) + repr(RemoteState(None, {"first_name": "Ada"}))

    assert "51342" in shown
    assert not {word for word in ("Ada", "Lovelace", "shop.test", "James") if word in shown}
