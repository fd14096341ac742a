"""Whether a provider can be used: its address, our credentials and our permission, told apart."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Literal, assert_never

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel

from sendto.runtime.logs import bug, logger
from sendto.sdk import Health, HealthVerdict, HttpFailure
from sendto_dispatcher.domain.words import DETAIL_CHARACTERS
from sendto_dispatcher.ops.configured import Current, Reached
from sendto_dispatcher.ops.doors import Doors
from sendto_dispatcher.store.tokens import Bearer

_log = logger(__name__)
Part = Literal["good", "bad", "unknown"]


class ProviderChecked(BaseModel):
    """What `check` found."""

    provider: str
    verdict: HealthVerdict
    detail: str
    address: Part
    credentials: Part
    permission: Part


def check_routes(doors: Doors, current: Current) -> APIRouter:
    """The route `/providers/{provider}/check`."""
    routes = APIRouter(tags=["providers"])

    @routes.post("/providers/{provider}/check")
    async def check(provider: str, _: Annotated[Bearer, Depends(doors.writes)]) -> ProviderChecked:
        """Ask the provider whether it can be used; changes nothing there."""
        return checked(provider, await _asked(provider, reached_or_404(provider, current)))

    return routes


def reached_or_404(provider: str, current: Current) -> Reached:
    """How the provider is asked; answers 404 where this process does not serve it."""
    now = current()
    if provider not in now.reached:
        problem = now.broken.get(provider)
        names = ", ".join(sorted(now.reached)) or "none"
        raise HTTPException(
            HTTPStatus.NOT_FOUND,
            f"{provider} cannot be served: {problem}"
            if problem
            else f"{provider!r} is not served; served are: {names}",
        )
    return now.reached[provider]


async def _asked(provider: str, reached: Reached) -> Health:
    try:
        async with asyncio.timeout(reached.timeout_s):
            return await reached.adapter.check(reached.http(reached.timeout_s))
    except HttpFailure as failure:
        return Health(HealthVerdict.UNREACHABLE, failure.code)
    except TimeoutError:
        return Health(HealthVerdict.UNREACHABLE, "timeout")
    except Exception as error:  # noqa: BLE001 - a plugin's bug is told, not raised
        _log.error("adapter_check_failed", provider=provider, **bug(error))
        return Health(HealthVerdict.MISCONFIGURED, "the adapter's check failed")


def checked(provider: str, health: Health) -> ProviderChecked:
    """The verdict, and what it says of each part (pure)."""
    address, credentials, permission = _parts(health.verdict)
    return ProviderChecked(
        provider=provider,
        verdict=health.verdict,
        detail=health.detail[:DETAIL_CHARACTERS],
        address=address,
        credentials=credentials,
        permission=permission,
    )


def _parts(verdict: HealthVerdict) -> tuple[Part, Part, Part]:
    match verdict:
        case HealthVerdict.PASSES:
            return "good", "good", "good"
        case HealthVerdict.UNREACHABLE:
            return "bad", "unknown", "unknown"
        case HealthVerdict.UNAUTHORIZED:
            return "good", "bad", "unknown"
        case HealthVerdict.FORBIDDEN:
            return "good", "good", "bad"
        case HealthVerdict.MISCONFIGURED:
            return "unknown", "unknown", "unknown"
        case _:
            assert_never(verdict)
