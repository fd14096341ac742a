"""Asking the provider: finding by our reference, reading back, and whether it can be used at all."""

from sendto.sdk.adapter import Capabilities, FetchingAdapter, Idempotency, LookupFailed
from sendto.sdk.commands import HealthVerdict, Operation
from sendto.sdk.http import HttpFailure
from sendto.sdk.outcomes import RemoteRef, Unsupported
from sendto.sdk.testing.breach import breach, require
from sendto.sdk.testing.case import Case
from sendto.sdk.testing.checks import check
from sendto.sdk.testing.lane import Lane
from sendto.sdk.testing.messages import Answer, Instead, Reset
from sendto.sdk.testing.people import CANARIA, SERINUS
from sendto.sdk.testing.provider import always
from sendto.sdk.testing.stage import Stage

_BODIES: tuple[object, ...] = (None, b"<html>Oops</html>", {"errors": ["Oops"]}, [])
_TELLS_NOTHING = (301, 400, 401, 403, 408, 409, 418, 429, 500, 502, 503, 504)


def _looks_up(_: Case, can: Capabilities) -> bool:
    return can.idempotency is Idempotency.LOOKUP


@check()
async def find_tells_what_is_there(stage: Stage) -> None:
    """`find` gives the id of what the provider holds and None where it holds nothing, or says that it cannot tell."""
    lane = await Lane.new(stage).create()
    try:
        found = await stage.find(lane.reference)
        missing = await stage.find(stage.new_reference())
    except LookupFailed as failure:
        require(
            isinstance(failure.outcome, Unsupported) and not _looks_up(stage.case, stage.capabilities),
            f"find failed at a provider that is well: {failure.outcome}",
        )
        return
    require(found is not None, "find does not find what the provider holds")
    require(
        lane.remote is None or found == lane.remote,
        "find gives another id than the create did: the core takes them for one",
    )
    require(missing is None, "find finds what the provider does not hold")


@check(_looks_up)
async def a_failed_look_up_is_no_absence(stage: Stage) -> None:
    """`find` says None only when the provider surely holds nothing; any other answer fails, or an object is doubled."""
    lane = await Lane.new(stage).create()
    for status in _TELLS_NOTHING:
        for body in _BODIES:
            stage.provider.follow(always(Instead(Answer(status, body))))
            if await _finds_nothing(stage, lane.reference):
                breach(
                    f"find takes an answer of {status} for absence: a second object would be made; raise LookupFailed"
                )
    for unread in (b"", b"<html>Oops</html>", b'{"data": [{"i'):
        stage.provider.follow(always(Instead(Answer(200, unread))))
        if await _finds_nothing(stage, lane.reference):
            breach("find takes an answer that it cannot read for absence; raise LookupFailed")
    stage.provider.follow(always(Reset()))
    if await _finds_nothing(stage, lane.reference):
        breach("find takes a broken connection for absence; let HttpFailure through")


async def _finds_nothing(stage: Stage, reference: str) -> bool:
    try:
        return await stage.find(reference) is None
    except (LookupFailed, HttpFailure):
        return False


@check(lambda _, can: can.has_fetch)
async def fetch_reads_back_what_was_sent(stage: Stage) -> None:
    """`fetch` gives what the provider holds in the form of `content`, so that an audit finds no false difference.

    What a provider writes in its own way (an address, say) is left out of it, and is not compared.
    """
    adapter = stage.adapter
    if not isinstance(adapter, FetchingAdapter):
        breach("has_fetch is True, and there is no fetch")
    lane = Lane.new(stage)
    remote = RemoteRef("")
    can_change = stage.capabilities.supports_update or stage.capabilities.upsert
    for customer in (CANARIA, SERINUS) if can_change else (CANARIA,):
        await lane.bring(customer)
        known = lane.remote or await stage.find(lane.reference)
        if known is None:
            breach("neither the create nor find gives an id that fetch could take")
        remote = known
        state = await adapter.fetch(remote, stage.http())
        if state is None:
            breach("fetch does not find what the provider holds")
        wanted = adapter.content(stage.command(Operation.UPDATE, lane.reference, customer))
        require(state.content, "fetch gives nothing that could be compared")
        differing = sorted(key for key in state.content if state.content[key] != wanted.get(key))
        require(not differing, f"fetch and content differ in {', '.join(differing)} right after a create or update")
    stage.empty()
    try:
        require(await adapter.fetch(remote, stage.http()) is None, "fetch finds what the provider does not hold")
    except (LookupFailed, HttpFailure) as failure:
        breach(f"fetch of what is missing raised {type(failure).__name__}; return None")


@check()
async def check_passes_at_a_well_provider(stage: Stage) -> None:
    """`check` passes where the provider is well, and changes nothing there."""
    lane = await Lane.new(stage).create()
    health = await stage.check()
    require(health.verdict is HealthVerdict.PASSES, f"check at a provider that is well came to {health}")
    require(lane.objects == 1, "check changed what the provider holds")


@check()
async def check_tells_what_is_wrong(stage: Stage) -> None:
    """`check` tells refused credentials from a missing permission and from an address that does not answer."""
    for status in (*range(400, 430), 500, 502, 503, 504, 301, 204):
        for body in (None, b"<html>Oops</html>", {"error": "Oops"}):
            stage.provider.follow(always(Instead(Answer(status, body))))
            verdict = (await stage.check()).verdict
            if status == 401:
                require(verdict is HealthVerdict.UNAUTHORIZED, f"check: 401 came to {verdict}")
            if status == 403:
                require(
                    verdict in {HealthVerdict.UNAUTHORIZED, HealthVerdict.FORBIDDEN}, f"check: 403 came to {verdict}"
                )
    stage.provider.follow(always(Reset()))
    try:
        health = await stage.check()
    except HttpFailure:
        return
    require(health.verdict is HealthVerdict.UNREACHABLE, f"check: a broken connection came to {health.verdict}")


@check(_looks_up)
async def what_find_gives_can_be_used(stage: Stage) -> None:
    """An id that `find` gives serves an update and a delete as well as the one that the create gave."""
    lane = await Lane.new(stage).create()
    lane.remote = await stage.find(lane.reference)
    require(isinstance(lane.remote, RemoteRef), "find does not find what the provider holds")
    if stage.capabilities.supports_update or stage.capabilities.upsert:
        await lane.bring(SERINUS)
        lane.holds(SERINUS, "after an update by the id that find gave")
    if stage.capabilities.supports_delete:
        await lane.bring(None)
        require(lane.objects == 0, "after a delete by the id that find gave the provider still holds it")
