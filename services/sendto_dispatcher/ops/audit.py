"""Reading back what a provider holds, and comparing it with what it should. Rule 30 holds for audits, too.

A page is audited in one call: as many lanes as the rate limit lets through in its time. What is under way is left
alone; what differs is looked at once more before it is reported, and repaired under a new generation.
"""

import asyncio
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, Field

from sendto.kernel.clock import SystemClock
from sendto.runtime.database import Connection, Database
from sendto.runtime.logs import bug, logger
from sendto.sdk import (
    FetchingAdapter,
    Http,
    HttpFailure,
    HttpRequest,
    HttpResponse,
    LookupFailed,
    Operation,
    RateLimited,
    RemoteRef,
    RemoteState,
    Unsupported,
)
from sendto_dispatcher.domain.commands import command_for
from sendto_dispatcher.domain.drift import Difference, Drift, difference
from sendto_dispatcher.domain.gate import Shut, gate
from sendto_dispatcher.domain.lane import Claim
from sendto_dispatcher.domain.pace import Grant
from sendto_dispatcher.ops.check import reached_or_404
from sendto_dispatcher.ops.configured import Current, Reached
from sendto_dispatcher.ops.doors import Doors
from sendto_dispatcher.ops.moves import wake_engines
from sendto_dispatcher.store import providers as provider_store
from sendto_dispatcher.store.changes import record_change
from sendto_dispatcher.store.reading import Audited, audit_page, is_still, repair
from sendto_dispatcher.store.tokens import Bearer

_log = logger(__name__)
_REQUESTS_EACH = 2
"""a look-up by our reference, where the provider's id is not known, and the reading"""
_clock = SystemClock()


class AuditRequest(BaseModel):
    """Which lanes, and whether to mend what differs."""

    after: Annotated[int, Field(ge=0)] = 0
    """go on after this lane"""
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    repair: bool = False
    time_s: Annotated[float, Field(gt=0, le=25)] = 15.0
    """after which the page ends where it is"""


class Found(BaseModel):
    """One lane whose object differs."""

    lane: int
    order_id: int
    source: str
    reference: str
    drift: Drift
    fields: list[str]
    """that differ, by dotted name"""
    repaired: bool


class AuditPage(BaseModel):
    """A part of an audit."""

    compared: int
    under_way: int
    """lanes that wait, are served or rest: they are not compared"""
    unreadable: int
    """lanes whose object could not be read back"""
    found: list[Found]
    next_after: int | None
    """where to go on; null at the end"""


class Uncertain(Exception):  # noqa: N818 - named for what happened
    """What the provider holds could not be read. `wait_s` is how long it wants us to wait before more is asked."""

    def __init__(self, wait_s: float | None = None) -> None:
        super().__init__()
        self.wait_s = wait_s


class _Counted:
    """A client that counts its requests."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self.requests = 0

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send one request."""
        self.requests += 1
        return await self._http.send(request)


def audit_routes(audits: "Audits", doors: Doors) -> APIRouter:
    """The route `/providers/{provider}/audit`."""
    routes = APIRouter(tags=["providers"])

    @routes.post("/providers/{provider}/audit")
    async def audit(provider: str, asked: AuditRequest, bearer: Annotated[Bearer, Depends(doors.writes)]) -> AuditPage:
        """Compare some lanes with what the provider holds, and mend what differs if asked to."""
        return await audits.page(bearer, provider, asked)

    return routes


class Audits:
    """Audits for a bearer whose permission was asked for before; what is refused is an HTTPException."""

    def __init__(self, database: Database, current: Current) -> None:
        self._database = database
        self._current = current

    async def page(self, bearer: Bearer, provider: str, asked: AuditRequest) -> AuditPage:
        """A part of an audit."""
        reached = reached_or_404(provider, self._current)
        if not isinstance(reached.adapter, FetchingAdapter):
            raise HTTPException(HTTPStatus.CONFLICT, f"{provider} cannot be asked what it holds")
        async with self._database.connection() as connection:
            state = await provider_store.state(connection, provider)
        if state.paused_at or state.held_at or state.opened_at:
            raise HTTPException(HTTPStatus.CONFLICT, f"{provider} is paused, held or down: it is not asked")
        match gate(state):
            case Shut(wait_s):  # it asked us to wait
                await asyncio.sleep(min(wait_s or 0.0, asked.time_s))
                return AuditPage(compared=0, under_way=0, unreadable=0, found=[], next_after=asked.after)
            case _:
                pass
        page = await _Audit(self._database, provider, reached, asked).run()
        repaired = sum(one.repaired for one in page.found)
        if repaired:
            async with self._database.connection() as connection:
                await record_change(connection, bearer.name, "audit", {"provider": provider}, lanes=repaired)
            await wake_engines(self._database)
        return page


@dataclass
class _Audit:
    """One page of an audit."""

    database: Database
    provider: str
    reached: Reached
    asked: AuditRequest
    page: AuditPage = field(
        default_factory=lambda: AuditPage(compared=0, under_way=0, unreadable=0, found=[], next_after=None)
    )
    unused: int = 0

    async def run(self) -> AuditPage:
        """Go through the lanes until they, or the time, are at an end."""
        until_s = _clock.monotonic_s() + self.asked.time_s
        async with self.database.connection() as connection:
            lanes, after = await audit_page(connection, self.provider, after=self.asked.after, limit=self.asked.limit)
        at = self.asked.after
        for audited in lanes:
            if not audited.settled:
                self.page.under_way += 1
            elif not await self._compare(audited, until_s):
                self.page.next_after = at
                break
            at = audited.claim.lane.id
        else:
            self.page.next_after = after
        await self._give_back()
        return self.page

    async def _compare(self, audited: Audited, until_s: float) -> bool:
        """Compare one lane; False if there is no time for it, or the provider wants us to wait."""
        if not await self._may_ask(until_s):
            return False
        http = _Counted(self.reached.http(self.reached.timeout_s))
        try:
            remote, held = await self._read(audited.claim, http)
        except Uncertain as uncertain:
            if uncertain.wait_s is not None:
                async with self.database.connection() as connection:
                    await provider_store.block(connection, self.provider, wait_s=uncertain.wait_s)
                return False
            self.page.unreadable += 1
            return True
        finally:
            self.unused += _REQUESTS_EACH - http.requests
        self.page.compared += 1
        drift = difference(self._wanted(audited.claim), held.content if held else None)
        if drift is not None:
            async with self.database.connection() as connection:
                await self._report(connection, audited.claim, drift, remote)
        return True

    async def _read(self, claim: Claim, http: Http) -> tuple[RemoteRef | None, RemoteState | None]:
        """What the provider holds for a lane, by its id or by our reference."""
        adapter, lane = self.reached.adapter, claim.lane
        try:
            async with asyncio.timeout(self.reached.timeout_s):
                remote = RemoteRef(lane.remote) if lane.remote else await adapter.find(lane.reference, http)
                if remote is None or not isinstance(adapter, FetchingAdapter):
                    return None, None
                return remote, await adapter.fetch(remote, http)
        except LookupFailed as failure:
            match failure.outcome:
                case RateLimited(retry_after_s):
                    raise Uncertain(retry_after_s or 1.0) from None
                case Unsupported() if not lane.desired_present:
                    return None, None
                case _:
                    raise Uncertain from None
        except (HttpFailure, TimeoutError):
            raise Uncertain from None
        except Exception as error:  # noqa: BLE001 - a plugin's bug is told, not raised
            _log.error("adapter_fetch_failed", provider=self.provider, **bug(error))
            raise Uncertain from None

    def _wanted(self, claim: Claim) -> dict[str, Any] | None:
        lane, state = claim.lane, claim.state
        if not lane.desired_present or state is None or state.customer is None:
            return None
        command = command_for(claim, Operation.UPDATE, lane.generation, state, deadline_s=self.reached.timeout_s)
        content: dict[str, Any] = json.loads(json.dumps(self.reached.adapter.content(command)))
        return content

    async def _report(self, connection: Connection, claim: Claim, drift: Difference, remote: RemoteRef | None) -> None:
        """Report a lane that is still as it was when its object was read, and repair it if asked to."""
        lane = claim.lane
        if not await is_still(connection, lane.id, lane.generation):
            self.page.under_way += 1
            return
        repaired = self.asked.repair and await self._repair(connection, claim, drift, remote)
        self.page.found.append(
            Found(
                lane=lane.id,
                order_id=lane.order_id,
                source=lane.source,
                reference=lane.reference,
                drift=drift.drift,
                fields=list(drift.fields),
                repaired=repaired,
            )
        )

    async def _repair(self, connection: Connection, claim: Claim, drift: Difference, remote: RemoteRef | None) -> bool:
        lane = claim.lane
        # Where a reference is spent with its object, the update's answer brings the next one.
        gone = drift.drift is Drift.MISSING and self.reached.adapter.capabilities.reference_reusable
        held = remote.value if remote else lane.remote
        return await repair(connection, lane.id, lane.generation, present=not gone, remote=None if gone else held)

    async def _may_ask(self, until_s: float) -> bool:
        """Wait for the rate limit to let one reading through; False if the time is over first."""
        while _clock.monotonic_s() < until_s:
            grant = await self._take()
            wait_s = grant.delay_s(grant.requests) if grant.operations else grant.wait_s
            if _clock.monotonic_s() + wait_s >= until_s:
                self.unused += grant.requests
                return False
            await asyncio.sleep(wait_s)
            if grant.operations:
                return True
        return False

    async def _take(self) -> Grant:
        bucket = self.reached.bucket
        if bucket is None:
            return Grant(operations=1)
        unused, self.unused = self.unused, 0

        async def take(connection: Connection) -> Grant:
            return await provider_store.take_requests(
                connection,
                self.provider,
                bucket,
                operations=1,
                requests_each=_REQUESTS_EACH,
                unused=unused,
            )

        return await self.database.in_transaction(take)

    async def _give_back(self) -> None:
        bucket = self.reached.bucket
        if bucket is not None and self.unused:
            async with self.database.connection() as connection:
                await provider_store.give_back(connection, self.provider, bucket, self.unused)
