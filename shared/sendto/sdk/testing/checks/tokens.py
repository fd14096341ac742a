"""Access tokens are got once for all calls."""

import asyncio

from sendto.sdk.adapter import Capabilities
from sendto.sdk.commands import Operation
from sendto.sdk.outcomes import Accepted, Applied, Outcome
from sendto.sdk.testing.breach import require
from sendto.sdk.testing.case import Case
from sendto.sdk.testing.checks import check
from sendto.sdk.testing.stage import Stage

_CALLS = 50
_TWO = 2


def _has_tokens(case: Case, _: Capabilities) -> bool:
    return Case.__dataclass_fields__["is_token_request"].default is not case.is_token_request


async def _at_once(stage: Stage) -> list[Outcome]:
    commands = [stage.command(Operation.CREATE, stage.new_reference()) for _ in range(_CALLS)]
    adapter = stage.adapter
    calls = [adapter.apply(command, stage.http()) for command in commands]
    return list(await asyncio.gather(*calls))


@check(_has_tokens)
async def fifty_calls_get_one_token(stage: Stage) -> None:
    """Fifty calls at once, without a token, ask for one; the next fifty use it."""
    for _ in range(2):
        outcomes = await _at_once(stage)
        require(
            all(isinstance(one, Applied | Accepted) for one in outcomes), "a call failed though the provider is well"
        )
    require(
        stage.provider.tokens_asked == 1,
        f"{2 * _CALLS} calls asked for {stage.provider.tokens_asked} tokens; sendto.sdk.TokenCache asks for one",
    )


@check(_has_tokens)
async def a_token_that_is_refused_is_replaced_once(stage: Stage) -> None:
    """When the provider takes a token no more, the calls that find out ask for one new token between them."""
    await _at_once(stage)
    stage.provider.fake.expire_tokens()
    for _ in range(2):
        await _at_once(stage)
    outcomes = await _at_once(stage)
    require(
        all(isinstance(one, Applied | Accepted) for one in outcomes),
        "calls still fail after the provider refused a token; drop it (TokenCache.drop) on 401",
    )
    require(
        stage.provider.tokens_asked <= _TWO,
        f"one refused token was replaced {stage.provider.tokens_asked - 1} times",
    )
