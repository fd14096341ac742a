"""Every request is valid against the provider's own OpenAPI document, where the case names one."""

from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

from sendto.sdk.adapter import LookupFailed
from sendto.sdk.testing.breach import require
from sendto.sdk.testing.checks import check
from sendto.sdk.testing.lane import Lane
from sendto.sdk.testing.people import CANARIA, NAMES, SERINUS
from sendto.sdk.testing.specification import Specification
from sendto.sdk.testing.stage import Stage


@check(lambda case, _: case.specification is not None)
async def requests_are_valid(stage: Stage) -> None:
    """Every request is valid against the provider's own OpenAPI document."""
    assert stage.case.specification is not None
    document = Specification.read(stage.case.specification, server=stage.case.specification_server)
    for customer in (CANARIA, *NAMES.values()):
        lane = Lane.new(stage)
        if stage.capabilities.unmet(customer, stage.case.order) is not None:
            continue
        await lane.bring(customer)
        await lane.bring(SERINUS)
        with suppress(LookupFailed):
            await stage.find(lane.reference)
        await lane.bring(None)
    base = urlsplit(stage.provider.url).path
    for received in stage.provider.received:
        if stage.case.is_token_request(received):
            continue
        problem = document.problem(
            received.method,
            received.path.removeprefix(base),
            query=parse_qs(urlsplit(received.target).query, keep_blank_values=True),
            headers=received.headers,
            body=received.body,
        )
        require(problem is None, f"{received.method} {received.path}: {problem}")
