"""The kit's checks: one coroutine each, which takes a stage and raises `Breach`. They say when they apply."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from sendto.sdk.adapter import Capabilities
from sendto.sdk.testing.case import Case
from sendto.sdk.testing.provider import ScriptedProvider
from sendto.sdk.testing.stage import Stage
from sendto.sdk.testing.watch import watched

Body = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of the contract, and how it is looked at."""

    name: str
    promise: str
    """in a sentence, for people"""
    body: Body
    applies: Callable[[Case, Capabilities], bool]


_ALL: list[Check] = []


def check(applies: Callable[[Case, Capabilities], bool] = lambda _, __: True) -> Callable[[Body], Body]:
    """Make a coroutine a check of the kit; its docstring is the promise."""

    def register(body: Body) -> Body:
        promise = (body.__doc__ or "").strip().splitlines()[0]
        _ALL.append(Check(body.__name__, promise, body, applies))
        return body

    return register


def checks_for(case: Case) -> Iterator[Check]:
    """The checks that this case must pass, as its capabilities are."""
    from sendto.sdk.testing.checks import (  # noqa: F401, PLC0415 - they register themselves, and need this module
        answers,
        batches,
        lookups,
        once,
        people,
        shape,
        specification,
        time,
        tokens,
        translation,
    )

    config = case.adapter.Config.model_validate(dict(case.config("http://127.0.0.1:1")))
    capabilities = case.adapter(config).capabilities  # type: ignore[call-arg]  # the protocol leaves constructors open
    return (one for one in _ALL if one.applies(case, capabilities))


async def look(case: Case, one: Check) -> None:
    """Carry out one check.

    Raises:
        Breach: the adapter does not keep the promise; the text says how.
    """
    provider = ScriptedProvider(case.fake(), case.is_token_request)
    async with provider.serving():
        stage = Stage(case, provider)
        with watched(stage):
            await one.body(stage)


def run_check(case: Case, one: Check) -> None:
    """The same, for callers without an event loop."""
    # With a factory of its own the runner leaves the event loop of the tests around it alone.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(look(case, one))
