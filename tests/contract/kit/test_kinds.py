"""The kit is for every kind of provider: a good adapter of each kind passes, and bugs of that kind are found."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fake_acme import TOKEN, FakeAcme

from sendto.sdk import (
    Ambiguous,
    Applied,
    Command,
    DeleteMode,
    Http,
    HttpRequest,
    HttpResponse,
    Idempotency,
    LookupFailed,
    Operation,
    Outcome,
    RemoteRef,
    Token,
    TokenCache,
    Transient,
    Unauthorized,
    Unsupported,
    classify,
)
from sendto.sdk.testing import Answer, Breach, Case, Check, Conformance, Received, checks_for, run_check
from sendto.sdk.translation import json_answer
from sendto_acme import AcmeAdapter, AcmeConfig, translate


def _case(adapter: type[AcmeAdapter], fake: type[FakeAcme] = FakeAcme, **more: Any) -> Case:
    return replace(Case(adapter=adapter, config=lambda url: {"url": url, "token": TOKEN}, fake=fake), **more)


def _check(case: Case, name: str) -> Check:
    [check] = [one for one in checks_for(case) if one.name == name]
    return check


class RememberingAcme(FakeAcme):
    """It remembers the keys of requests: the same create with the same key makes no second object."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, tuple[bytes, Answer]] = {}

    def answer(self, request: Received) -> Answer:
        """One request."""
        key = request.headers.get("idempotency-key")
        if request.method != "POST" or key is None:
            return super().answer(request)
        body, answer = self.keys.setdefault(key, (request.body, Answer(409)))
        if body != request.body:
            return Answer(422, {"error": "another body with the same key"})
        if answer.status == 409:
            answer = super().answer(request)
            self.keys[key] = body, answer
        return answer


class RequestKey(AcmeAdapter):
    """Sends the core's key; cannot look up."""

    def __init__(self, config: AcmeConfig) -> None:
        super().__init__(config)
        self.capabilities = replace(self.capabilities, idempotency=Idempotency.REQUEST_KEY, request_key_ttl_s=3600.0)

    def translate(self, command: Command) -> HttpRequest:
        request = super().translate(command)
        return replace(request, headers=dict(request.headers) | {"idempotency-key": command.idempotency_key})


class TestRequestKey(Conformance):
    case = _case(RequestKey, RememberingAcme)


class Nothing(AcmeAdapter):
    """Nothing keeps a create from doubling, nothing can be changed or taken away, nothing can be asked."""

    def __init__(self, config: AcmeConfig) -> None:
        super().__init__(config)
        self.capabilities = replace(
            self.capabilities,
            idempotency=Idempotency.NONE,
            supports_update=False,
            supports_delete=False,
            delete_mode=DeleteMode.NONE,
        )

    async def apply(self, command: Command, http: Http) -> Outcome:
        if command.operation is not Operation.CREATE:
            return Unsupported()
        return await super().apply(command, http)

    async def find(self, reference: str, http: Http) -> RemoteRef | None:
        del reference, http
        raise LookupFailed(Unsupported("lookup_unsupported"))


class TestNothing(Conformance):
    case = _case(Nothing)


class TokenAcme(FakeAcme):
    """It hands out access tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = 0
        self.oldest = 1

    def answer(self, request: Received) -> Answer:
        """One request."""
        if request.path == "/token":
            self.tokens += 1
            return Answer(200, {"access_token": f"access-token-{self.tokens}"})
        given = request.headers.get("authorization", "").rpartition("-")[2]
        if not given.isdigit() or int(given) < self.oldest:
            return Answer(401)
        headers = dict(request.headers) | {"authorization": f"Bearer {TOKEN}"}
        return super().answer(replace(request, headers=headers))

    def expire_tokens(self) -> None:
        """Take none any more."""
        self.oldest = self.tokens + 1


class WithTokens(AcmeAdapter):
    """Gets an access token once for all calls, and another when it is refused."""

    def __init__(self, config: AcmeConfig) -> None:
        super().__init__(config)
        self._tokens = TokenCache(self._new_token)

    async def apply(self, command: Command, http: Http) -> Outcome:
        try:
            return await super().apply(command, self._with_token(http))
        except LookupFailed as failure:
            return failure.outcome

    async def find(self, reference: str, http: Http) -> RemoteRef | None:
        return await super().find(reference, self._with_token(http))

    async def fetch(self, remote: RemoteRef, http: Http) -> Any:
        return await super().fetch(remote, self._with_token(http))

    async def check(self, http: Http) -> Any:
        return await super().check(self._with_token(http))

    def _with_token(self, http: Http) -> Http:
        return _Signed(http, self._tokens)

    async def _new_token(self, http: Http) -> Token:
        response = await http.send(HttpRequest("POST", f"{self._base_url}/token"))
        if response.status != 200:
            raise LookupFailed(self._failed(response))
        return Token(response.json()["access_token"], 3600.0)


class _Signed:
    def __init__(self, http: Http, tokens: TokenCache) -> None:
        self._http = http
        self._tokens = tokens

    async def send(self, request: HttpRequest) -> HttpResponse:
        token = await self._tokens.get(self._http)
        headers = dict(request.headers) | {"authorization": f"Bearer {token}"}
        response = await self._http.send(replace(request, headers=headers))
        if response.status == 401:
            self._tokens.drop(token)
        return response


class TestTokens(Conformance):
    case = _case(WithTokens, TokenAcme, is_token_request=lambda received: received.path == "/token")


class DropsNoToken(WithTokens):
    """Goes on with a token that was refused."""

    def _with_token(self, http: Http) -> Http:
        return _Stubborn(http, self._tokens)


class _Stubborn(_Signed):
    async def send(self, request: HttpRequest) -> HttpResponse:
        token = await self._tokens.get(self._http)
        headers = dict(request.headers) | {"authorization": f"Bearer {token}"}
        return await self._http.send(replace(request, headers=headers))


def test_a_token_that_is_kept_though_it_was_refused_is_found() -> None:
    case = _case(DropsNoToken, TokenAcme, is_token_request=lambda received: received.path == "/token")

    with pytest.raises(Breach, match="calls still fail after the provider refused a token"):
        run_check(case, _check(case, "a_token_that_is_refused_is_replaced_once"))


class BatchAcme(FakeAcme):
    """It takes lists, all or nothing, and upserts by reference."""

    def answer(self, request: Received) -> Answer:
        """One request."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}" or request.method != "PUT":
            return super().answer(request)
        taken = []
        for recipient in request.json():
            known = self.held(recipient["reference"])
            if known:
                known[0] |= recipient
            taken.append(known[0] if known else self._make(recipient).body)
        return Answer(200, taken)


class Batch(AcmeAdapter):
    """Upserts up to five in one request."""

    def __init__(self, config: AcmeConfig) -> None:
        super().__init__(config)
        self.capabilities = replace(
            self.capabilities, upsert=True, idempotency=Idempotency.NATURAL_KEY, batch=5, requests={Operation.DELETE: 2}
        )

    def translate(self, command: Command) -> HttpRequest:
        if command.operation is Operation.DELETE:
            return super().translate(command)
        return self._upsert([command])

    async def apply(self, command: Command, http: Http) -> Outcome:
        if command.operation is Operation.DELETE:
            remote = command.remote or await self.find(command.reference, http)
            return await super().apply(replace(command, remote=remote), http)
        return (await self.apply_many([command], http))[0]

    async def apply_many(self, commands: Sequence[Command], http: Http) -> list[Outcome]:
        """One request, one outcome for each."""
        response = await http.send(self._upsert(commands))
        taken = response.json()
        outcome = classify(commands[0].operation, self.capabilities, response, now=datetime.now(UTC))
        if not isinstance(outcome, Applied):
            return [outcome] * len(commands)
        if not isinstance(taken, list) or len(taken) != len(commands) or not all(isinstance(t, dict) for t in taken):
            return [Transient("answer_unreadable")] * len(commands)
        return [Applied(RemoteRef(str(one.get("id")))) for one in taken]

    def example_answer(self, _: Command, request: HttpRequest, __: int) -> HttpResponse:
        """What it answers: to an upsert, and on the way of a deletion without an id."""
        return json_answer(200, [{"id": "r1"}] if request.method == "PUT" else {"data": [{"id": "r1"}]})

    def _upsert(self, commands: Sequence[Command]) -> HttpRequest:
        bodies = [translate.recipient(command) | {"reference": command.reference} for command in commands]
        return self._signed(translate._with_json("PUT", f"{self._base_url}/recipients", bodies))  # type: ignore[arg-type]  # noqa: SLF001 - the template's own


class TestBatch(Conformance):
    case = _case(Batch, BatchAcme)


class ForgetsALane(Batch):
    async def apply_many(self, commands: Sequence[Command], http: Http) -> list[Outcome]:
        return (await super().apply_many(commands, http))[1:] or [Applied()]


class SendsOneByOne(Batch):
    async def apply_many(self, commands: Sequence[Command], http: Http) -> list[Outcome]:
        return [
            outcome for command in commands for outcome in await super(SendsOneByOne, self).apply_many([command], http)
        ]


class CallsAFailedBatchDone(Batch):
    async def apply_many(self, commands: Sequence[Command], http: Http) -> list[Outcome]:
        outcomes = await super().apply_many(commands, http)
        return [Applied(), *outcomes[1:]] if not isinstance(outcomes[0], Ambiguous | Unauthorized) else outcomes


@pytest.mark.parametrize(
    ("adapter", "check", "says"),
    [
        (ForgetsALane, "a_batch_is_one_request", "return one for each, in order"),
        (SendsOneByOne, "a_batch_is_one_request", "it counts as one in the rate limit"),
        (CallsAFailedBatchDone, "a_failed_batch_is_no_success_for_anyone", "came to Applied"),
    ],
)
def test_bugs_of_batches_are_found(adapter: type[Batch], check: str, says: str) -> None:
    case = _case(adapter, BatchAcme)

    with pytest.raises(Breach) as breach:
        run_check(case, _check(case, check))

    assert says in str(breach.value)


DOCUMENT = """
openapi: 3.0.3
info: {title: Acme, version: "1"}
servers: [{url: "https://api.acme.example"}]
paths:
  /recipients:
    get:
      parameters: [{name: reference, in: query, required: true, schema: {type: string}}]
      responses: {"200": {description: found}}
    post:
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              additionalProperties: false
              required: [reference, name]
              properties:
                reference: {type: string}
                name: {type: string, maxLength: %d}
                email: {type: string, nullable: true}
                phone: {type: string, nullable: true}
      responses: {"201": {description: made}}
  /recipients/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    patch:
      requestBody: {required: true, content: {application/json: {schema: {type: object}}}}
      responses: {"200": {description: changed}}
    delete:
      responses: {"200": {description: gone}}
"""


@pytest.mark.parametrize(("most", "says"), [(300, None), (20, "name: breaks maxLength")])
def test_requests_are_held_against_the_providers_own_document(tmp_path: Path, most: int, says: str | None) -> None:
    document = tmp_path / "acme.yaml"
    document.write_text(DOCUMENT % most, encoding="utf-8")
    case = _case(AcmeAdapter, specification=document)
    check = _check(case, "requests_are_valid")

    if says is None:
        run_check(case, check)
        return
    with pytest.raises(Breach) as breach:
        run_check(case, check)
    assert says in str(breach.value)
    assert "Maximiliane" not in str(breach.value)
