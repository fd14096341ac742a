"""The adapters through the engine's own HTTP client, against their providers in miniature on a real socket."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from infra.adapters import ADDRESS, CASES
from infra.providers.scripted import Answer, Scripted, on_socket
from infra.secret_settings import with_sources
from msgspec import structs

from sendto.events.customer import Customer, OrderSnapshot
from sendto.kernel.clock import SystemClock
from sendto.kernel.ids import new_uuid
from sendto.sdk import (
    Accepted,
    Ambiguous,
    Applied,
    HealthVerdict,
    Idempotency,
    Operation,
    RateLimited,
    Transient,
    Unauthorized,
)
from sendto_dispatcher.domain.endings import Call, Ending, Finished
from sendto_dispatcher.domain.lane import Claim, Lane, State, Version
from sendto_dispatcher.engine.attempt import Carrier
from sendto_dispatcher.engine.provider import Provider, build_provider
from sendto_dispatcher.settings import EngineSettings, ProviderSettings

ORDER = OrderSnapshot(order_type="delivery", order_total=15.04, currency="USD", comment="Ring twice", address=ADDRESS)
WRONG = {
    "sendcloud": {"secret_key": "a-wrong-key"},
    "karrio": {"api_key": "a-wrong-key"},
    "spoke": {"api_key": "a-wrong-key"},
    "trackpod": {"api_key": "a-wrong-key"},
    "doordash": {"key_id": "another"},
}


@dataclass
class Shop:
    """One order's lane, carried out by the engine's carrier; between attempts it knows what a settle would keep."""

    carrier: Carrier
    scripted: Scripted
    generation: int = 0
    present: bool = False
    in_doubt: bool = False
    remote: str | None = None
    digest: bytes | None = None
    operations: list[Call | None] = field(default_factory=list)

    async def bring(self, first_name: str | None) -> Ending:
        """One attempt to bring a customer of this name there, or to take it away."""
        self.generation += 1
        attempt = self.carrier.start(
            Claim(lane=self.lane(present=first_name is not None), state=self.state(first_name))
        )
        finished = self.carrier.ended_without_call(attempt)
        if finished is None:
            [finished] = await self.carrier.carry_out([attempt], self.carrier.clock.monotonic_s() + 5)
        self._keep(finished)
        return finished.ending

    @property
    def names(self) -> list[str]:
        """What the provider holds for the order, as text."""
        return [str(held) for held in self.scripted.held("51342")]

    def lane(self, *, present: bool) -> Lane:
        """The lane as a claim finds it."""
        return Lane(
            id=1,
            provider="shop",
            source="/shop/upstream",
            order_id=51342,
            reference="51342",
            incarnation=1,
            generation=self.generation,
            version=Version(carried=True, number=self.generation),
            desired_present=present,
            applied_generation=0,
            applied_present=self.present,
            unconfirmed=False,
            remote=self.remote,
            digest=self.digest,
            in_doubt=self.in_doubt,
            kept=None,
            attempts=0,
            hanging=False,
            lease_token=new_uuid(),
        )

    def state(self, first_name: str | None) -> State | None:
        """The order's state with a customer of this name."""
        if first_name is None:
            return None
        customer = Customer(
            first_name=first_name, last_name="Lovelace", email="ada@shop.test", mobile_e164="+447700900123"
        )
        version = Version(carried=True, number=self.generation)
        return State(version=version, customer=customer, order=ORDER, occurred_at=datetime(2026, 1, 2, tzinfo=UTC))

    def _keep(self, finished: Finished) -> None:
        self.operations.append(finished.operation)
        match finished.ending:
            case Applied(remote) | Accepted(remote):
                self.present = finished.operation is not Operation.DELETE
                self.remote = remote.value if remote else self.remote
                self.digest, self.in_doubt = finished.digest, False
            case _:
                self.in_doubt = finished.sent


@pytest.fixture(params=list(CASES))
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    """An order's lane at a provider that holds nothing yet."""
    case = CASES[request.param]
    scripted = case.provider()
    async with on_socket(scripted) as host:
        provider = _provider(case.settings(host))
        yield Shop(Carrier(provider=provider, digest_key=b"for tests", clock=SystemClock()), scripted)
        await provider.transport.close()


def _provider(settings: dict[str, Any]) -> Provider:
    return build_provider("shop", ProviderSettings.model_validate(settings), EngineSettings(), Path())


async def test_a_customer_is_brought_changed_and_taken_away(shop: Shop) -> None:
    assert isinstance(await shop.bring("Ada"), Applied | Accepted)
    assert len(shop.names) == 1
    assert "Ada" in shop.names[0]

    assert isinstance(await shop.bring("Augusta"), Applied | Accepted)
    assert len(shop.names) == 1
    assert "Augusta" in shop.names[0]

    assert await shop.bring(None) == Applied()
    assert shop.names == []
    assert shop.operations == [Operation.CREATE, Operation.UPDATE, Operation.DELETE]


async def test_what_changes_nothing_makes_no_call(shop: Shop) -> None:
    await shop.bring("Ada")
    asked = len(shop.scripted.asked)

    await shop.bring("Ada")

    assert len(shop.scripted.asked) == asked


async def test_an_answer_that_is_lost_makes_no_second_object(shop: Shop) -> None:
    """Rule 18: found by look-up, or sent again where that is safe; in its newest state either way."""
    shop.scripted.lose_answers = 1
    looks_up = shop.carrier.provider.capabilities.idempotency is Idempotency.LOOKUP

    lost = await shop.bring("Ada")
    assert isinstance(lost, Ambiguous if looks_up else Transient), lost
    shop.scripted.lose_answers = int(not looks_up)
    again = await shop.bring("Ada")
    assert isinstance(again, Applied if looks_up else Transient), again
    ending = await shop.bring("Augusta")

    assert isinstance(ending, Applied | Accepted), ending
    assert len(shop.names) == 1
    assert "Augusta" in shop.names[0]


async def test_a_delete_whose_answer_is_lost_is_done_in_the_end(shop: Shop) -> None:
    await shop.bring("Ada")
    shop.scripted.lose_answers = 1

    lost, again = await shop.bring(None), await shop.bring(None)

    assert isinstance(lost, Transient), lost
    assert type(again).__name__ == "AlreadyAbsent", again
    assert shop.names == []


@pytest.mark.parametrize("first_name", ["Ada", None])
async def test_asked_to_slow_down_it_waits_as_long(shop: Shop, first_name: str | None) -> None:
    if first_name is None:
        await shop.bring("Ada")
    shop.scripted.next.append(Answer(429, None, {"retry-after": "7"}))

    assert await shop.bring(first_name) == RateLimited(7.0)


@pytest.mark.parametrize("name", CASES)
async def test_refused_credentials_are_told_from_a_refused_order(name: str) -> None:
    case = CASES[name]
    scripted = case.provider()
    async with on_socket(scripted) as host:
        settings = case.settings(host)
        settings["config"] |= with_sources(name, WRONG[name])
        provider = _provider(settings)
        shop = Shop(Carrier(provider=provider, digest_key=b"for tests", clock=SystemClock()), scripted)
        http = provider.transport.attempt(deadline_s=shop.carrier.clock.monotonic_s() + 5, clock=shop.carrier.clock)

        assert await shop.bring("Ada") == Unauthorized("http_401")
        assert (await provider.adapter.check(http)).verdict is HealthVerdict.UNAUTHORIZED
        await provider.transport.close()
    assert scripted.held("51342") == []


async def test_a_batch_is_one_request_on_the_wire() -> None:
    case = CASES["sendcloud"]
    scripted = case.provider()
    async with on_socket(scripted) as host:
        provider = _provider(case.settings(host))
        carrier = Carrier(provider=provider, digest_key=b"for tests", clock=SystemClock())
        shop = Shop(carrier, scripted)
        attempts = [
            carrier.start(
                Claim(lane=structs.replace(shop.lane(present=True), reference=str(number)), state=shop.state("Ada"))
            )
            for number in range(100)
        ]
        finished = await carrier.carry_out(attempts, carrier.clock.monotonic_s() + 10)
        await provider.transport.close()

    assert {type(one.ending) for one in finished} == {Accepted}
    assert sum(one.requests for one in finished) == len(scripted.asked) == 1
    assert {one.ending.remote.value for one in finished if isinstance(one.ending, Accepted) and one.ending.remote} == {
        str(number) for number in range(664, 764)
    }
