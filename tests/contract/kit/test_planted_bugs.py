"""The kit finds what it is there to find: each planted bug breaks the promise that it should."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

import pytest
from fake_acme import TOKEN, FakeAcme
from prometheus_client import Counter
from pydantic import AnyHttpUrl, BaseModel

from sendto.sdk import (
    Accepted,
    AlreadyAbsent,
    Applied,
    Command,
    Health,
    HealthVerdict,
    Http,
    HttpFailure,
    HttpRequest,
    Idempotency,
    LookupFailed,
    Operation,
    Outcome,
    RateLimited,
    Rejected,
    RemoteRef,
    RemoteState,
    Transient,
    classify,
)
from sendto.sdk.testing import Answer, Breach, Case, Received, checks_for, run_check
from sendto_acme import AcmeAdapter, AcmeConfig

_log = logging.getLogger("planted")
_SEEN = Counter("planted_bug_total", "Counts names, which it must not.", ["name"])


@dataclass(frozen=True)
class Bug:
    """A class with a bug, the check that must find it, and what the breach must say."""

    adapter: type[AcmeAdapter]
    check: str
    says: str
    more: dict[str, Any] = field(default_factory=dict)


BUGS: list[Bug] = []


def finds(check: str, says: str, **more: Any) -> Callable[[type[AcmeAdapter]], type[AcmeAdapter]]:
    """This check must find the bug of the class below."""

    def plant(adapter: type[AcmeAdapter]) -> type[AcmeAdapter]:
        BUGS.append(Bug(adapter, check, says, more))
        return adapter

    return plant


@finds("every_answer_is_an_outcome", "answered 429: it came to Rejected")
class TakesTooManyRequestsForARefusal(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        outcome = await super().apply(command, http)
        return Rejected("http_429") if isinstance(outcome, RateLimited) else outcome


@finds("a_redirect_is_not_followed", "was followed")
class FollowsRedirects(AcmeAdapter):
    def __init__(self, config: AcmeConfig) -> None:
        super().__init__(config)
        self.capabilities = replace(self.capabilities, requests=dict.fromkeys(Operation, 3))

    async def apply(self, command: Command, http: Http) -> Outcome:
        request = self.translate(command)
        response = await http.send(request)
        if response.status in {301, 302, 303, 307, 308} and "location" in response.headers:
            await http.send(replace(request, url=response.headers["location"]))
        return await super().apply(command, http)


@finds("one_call_makes_at_most_one_object", "made 2 objects")
class SendsAgainWithoutLookingUp(AcmeAdapter):
    def __init__(self, config: AcmeConfig) -> None:
        super().__init__(config)
        self.capabilities = replace(self.capabilities, requests=dict.fromkeys(Operation, 2))

    async def apply(self, command: Command, http: Http) -> Outcome:
        try:
            return await super().apply(command, http)
        except HttpFailure:
            return await super().apply(command, http)


@finds("a_create_makes_one_object", "a log line holds personal data")
class LogsTheBody(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        _log.debug("sending %s", self.translate(command).body)
        return await super().apply(command, http)


@finds("a_create_makes_one_object", "a log line holds a secret")
class LogsItsHeaders(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        _log.info("headers: %s", self.translate(command).headers)
        return await super().apply(command, http)


@finds("waiting_is_left_to_the_core", "do not wait in the adapter")
class IgnoresTheDeadline(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        outcome = await super().apply(command, http)
        await asyncio.sleep(getattr(outcome, "retry_after_s", None) or 0)
        return outcome


@finds("the_same_create_twice_makes_one_object", "the provider holds 2 objects")
class ClaimsANaturalKey(AcmeAdapter):
    def __init__(self, config: AcmeConfig) -> None:
        super().__init__(config)
        self.capabilities = replace(self.capabilities, idempotency=Idempotency.NATURAL_KEY)


@finds("a_lost_answer_doubles_nothing", "the provider holds 2 objects")
class DoublesOnALostAnswer(ClaimsANaturalKey):
    """The same, found where an answer is lost."""


@finds("a_lost_answer_doubles_nothing", "the provider holds 2 objects")
class CallsALostAnswerNothing(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        try:
            return await super().apply(command, http)
        except HttpFailure as failure:
            return Transient(failure.code, nothing_done=True)


@finds("an_update_changes_it", "does not hold the new")
class ClaimsAnUpdateThatItCannotDo(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        if command.operation is Operation.UPDATE:
            await http.send(HttpRequest("GET", self.translate(command).url, self._headers))
            return Applied(command.remote)
        return await super().apply(command, http)


@finds("what_it_cannot_do_makes_no_call", "capabilities deny update")
class CallsForWhatItCannotDo(AcmeAdapter):
    def __init__(self, config: AcmeConfig) -> None:
        super().__init__(config)
        self.capabilities = replace(self.capabilities, supports_update=False)


@finds("a_delete_takes_it_away_and_may_be_repeated", "a delete of what is missing came to Rejected")
class RefusesADeleteOfWhatIsMissing(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        outcome = await super().apply(command, http)
        return Rejected("http_404") if isinstance(outcome, AlreadyAbsent) else outcome


@finds("every_answer_is_an_outcome", "an outcome or exception holds personal data")
class RepeatsTheProvidersWords(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        response = await http.send(self.translate(command))
        if response.status == 422:
            return Rejected("http_422", response.body.decode(errors="replace"))
        applied = Applied(command.remote or RemoteRef("r1"))
        return (
            applied
            if response.status < 300
            else classify(command.operation, self.capabilities, response, now=datetime.now(UTC))
        )


@finds("cancellation_leaves_nothing_open", "tasks running")
class LeaksATaskOnCancellation(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        return await asyncio.shield(asyncio.create_task(super().apply(command, http)))


@finds("cancellation_leaves_nothing_open", "swallowed it")
class SwallowsCancellation(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        try:
            return await super().apply(command, http)
        except asyncio.CancelledError:
            return Transient("cancelled")


@finds("a_failed_look_up_is_no_absence", "for absence")
class TakesAFailedLookUpForAbsence(AcmeAdapter):
    async def find(self, reference: str, http: Http) -> RemoteRef | None:
        try:
            return await super().find(reference, http)
        except LookupFailed:
            return None


@finds("every_answer_is_an_outcome", "no answer was a success")
class TakesEveryAnswerForSuccess(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        await http.send(self.translate(command))
        return Accepted(command.remote)


@finds("a_create_makes_one_object", "a URL holds personal data")
class PutsPeopleIntoUrls(AcmeAdapter):
    def translate(self, command: Command) -> HttpRequest:
        request = super().translate(command)
        email = quote(command.customer.email or "") if command.customer else ""
        return replace(request, url=f"{request.url}?email={email}")


@finds("a_create_makes_one_object", "a metric holds personal data")
class CountsPeopleByName(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        _SEEN.labels(command.customer.first_name if command.customer else "").inc()
        return await super().apply(command, http)


@finds("a_create_makes_one_object", "it may speak only to the configured address")
class SpeaksToAnotherHost(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        try:
            await http.send(HttpRequest("GET", "http://telemetry.example/used"))
        except HttpFailure:
            return await super().apply(command, http)
        return Rejected("telemetry_answered")


@finds("a_create_makes_one_object", "did not go through the given http")
class HasAClientOfItsOwn(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        parts = urlsplit(self._base_url)
        _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(b"GET /recipients?reference=1 HTTP/1.1\r\nhost: acme\r\n\r\n")
        await writer.drain()
        outcome = await super().apply(command, http)
        writer.close()
        return outcome


@finds("content_is_pure", "content depends on more than customer and order")
class PutsTheAttemptIntoContent(AcmeAdapter):
    def content(self, command: Command) -> dict[str, Any]:
        return super().content(command) | {"attempt": command.attempt}


class _OpenConfig(BaseModel):
    url: AnyHttpUrl
    token: str


class _Open(AcmeAdapter):
    Config: ClassVar[type[BaseModel]] = _OpenConfig

    def __init__(self, config: _OpenConfig) -> None:
        super().__init__(AcmeConfig.model_validate(config.model_dump()))


@finds("its_secrets_are_secret", "is no SecretStr")
class HasAnOpenSecret(_Open):
    """Its Config shows the token to whoever prints it."""


@finds("unknown_settings_are_refused", "a setting that it does not know")
class TakesAnySetting(_Open):
    """A typing mistake passes in silence."""


@finds("a_create_makes_one_object", "made 2 requests where capabilities.requests allow 1")
class MakesMoreRequestsThanItSays(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        await self.find(command.reference, http)
        return await super().apply(command, http)


@finds("every_answer_is_an_outcome", "came out of the adapter; expected failures are outcomes")
class BreaksOnWhatIsNoJson(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        response = await http.send(self.translate(command))
        json.loads(response.body)
        return Applied(RemoteRef("r1")) if response.status < 300 else self._failed(response)


@finds("every_answer_is_an_outcome", "as if nothing had been done")
class CallsAServersErrorNothing(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        outcome = await super().apply(command, http)
        return Transient("http_5xx", nothing_done=True) if "http_5" in repr(outcome) else outcome


@finds("names_arrive_as_they_are", "the outcome is success, and the provider does not hold the new")
class WritesAsciiOnly(AcmeAdapter):
    def translate(self, command: Command) -> HttpRequest:
        request = super().translate(command)
        body = (
            json.dumps(json.loads(request.body), ensure_ascii=False).encode("ascii", "replace") if request.body else b""
        )
        return replace(request, body=body)


@finds("fetch_reads_back_what_was_sent", "fetch and content differ in phone")
class ReadsBackAnotherForm(AcmeAdapter):
    async def fetch(self, remote: RemoteRef, http: Http) -> RemoteState | None:
        state = await super().fetch(remote, http)
        return state and RemoteState(remote, state.content | {"phone": str(state.content["phone"]).lstrip("+")})


@finds("check_tells_what_is_wrong", "check: 401 came to passes")
class PassesWhateverIsAnswered(AcmeAdapter):
    async def check(self, http: Http) -> Health:
        await super().check(http)
        return Health(HealthVerdict.PASSES)


@finds(
    "a_refusal_in_a_success_is_no_success",
    "with a body that says no came to Applied",
    refusals=[Answer(200, {"success": False, "id": "r1"})],
)
class TakesARefusalForSuccess(AcmeAdapter):
    """It looks at the status alone."""


@finds("retry_after_is_understood", "came to a wait of 0.0 s")
class DoesNotReadRetryAfter(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        outcome = await super().apply(command, http)
        return replace(outcome, retry_after_s=None) if isinstance(outcome, RateLimited | Transient) else outcome


def _is_token_request(request: Received) -> bool:
    return request.path == "/token"


class FakeWithTokens(FakeAcme):
    def answer(self, request: Received) -> Answer:
        if _is_token_request(request):
            return Answer(200, {"access_token": TOKEN})
        return super().answer(request)


@finds(
    "fifty_calls_get_one_token",
    "100 calls asked for 100 tokens",
    fake=FakeWithTokens,
    is_token_request=_is_token_request,
)
class GetsATokenForEachCall(AcmeAdapter):
    async def apply(self, command: Command, http: Http) -> Outcome:
        await http.send(HttpRequest("POST", f"{self._base_url}/token"))
        return await super().apply(command, http)


def _case(bug: Bug) -> Case:
    case = Case(adapter=bug.adapter, config=lambda url: {"url": url, "token": TOKEN}, fake=FakeAcme)
    return replace(case, **bug.more)


def test_at_least_ten_bugs_are_planted() -> None:
    assert len({bug.adapter for bug in BUGS}) >= 10


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.adapter.__name__)
def test_a_planted_bug_is_found(bug: Bug) -> None:
    case = _case(bug)
    [check] = [one for one in checks_for(case) if one.name == bug.check]

    with pytest.raises(Breach) as breach:
        run_check(case, check)

    assert bug.says in str(breach.value)
    assert TOKEN not in str(breach.value)
    assert "Finkensang" not in str(breach.value)
