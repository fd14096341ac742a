"""Rules 20 to 22: what an answer means by its status alone, and what a missing one means."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sendto.sdk import (
    AlreadyAbsent,
    Ambiguous,
    AnswerLost,
    Applied,
    Capabilities,
    HttpFailure,
    HttpResponse,
    Idempotency,
    NotSent,
    Operation,
    RateLimited,
    Rejected,
    TooLate,
    Transient,
    Unauthorized,
    classify,
    classify_failure,
)

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SAFE = [Capabilities(upsert=True), Capabilities(idempotency=Idempotency.NATURAL_KEY)]
DOUBLING = [Capabilities(idempotency=one) for one in (Idempotency.LOOKUP, Idempotency.REQUEST_KEY, Idempotency.NONE)]
CREATE, UPDATE, DELETE = Operation.CREATE, Operation.UPDATE, Operation.DELETE


def outcome(status: int, operation: Operation = UPDATE, capabilities: Capabilities = SAFE[0], **headers: str) -> object:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return classify(operation, capabilities, HttpResponse(status, names), now=NOW)


@pytest.mark.parametrize("capabilities", SAFE + DOUBLING)
@pytest.mark.parametrize("operation", list(Operation))
def test_every_status_means_what_the_rules_say(operation: Operation, capabilities: Capabilities) -> None:
    doubles = operation is CREATE and not capabilities.repeatable_create
    for status in range(200, 600):
        expected = _expected(status, operation, doubles=doubles)
        assert outcome(status, operation, capabilities) == expected, status


def _expected(status: int, operation: Operation, *, doubles: bool) -> object:
    code = f"http_{status}"
    if status < 300:
        return Applied()
    if status == 429:
        return RateLimited()
    if status in {401, 403}:
        return Unauthorized(code)
    if status < 400 or status in {425, 503}:
        return Transient(code, nothing_done=True)
    if status in {404, 405} and operation is CREATE:
        return Transient(code, nothing_done=True)
    if status in {404, 410} and operation is not CREATE:
        return AlreadyAbsent()
    if status == 408 or status >= 500:
        return Ambiguous(code) if doubles else Transient(code)
    return Rejected(code)


@pytest.mark.parametrize("status", [500, 503, 408, 301])
def test_rule_23_retry_after_is_taken_from_every_passing_failure(status: int) -> None:
    found = outcome(status, retry_after="9")

    assert isinstance(found, Transient)
    assert found.retry_after_s == 9


def test_rule_23_retry_after_is_not_lost_in_doubt() -> None:
    assert outcome(500, CREATE, DOUBLING[0], retry_after="9") == Ambiguous("http_500", retry_after_s=9)
    assert outcome(429, retry_after="9") == RateLimited(9)


@pytest.mark.parametrize("capabilities", SAFE + DOUBLING)
@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize("failure", [NotSent("connect_failed"), TooLate()], ids=repr)
def test_rule_20_a_connection_that_was_never_made_did_nothing(
    failure: HttpFailure, operation: Operation, capabilities: Capabilities
) -> None:
    assert classify_failure(operation, capabilities, failure) == Transient(failure.code, nothing_done=True)


@pytest.mark.parametrize("failure", [AnswerLost("timeout", timed_out=True), AnswerLost("lost"), HttpFailure("odd")])
@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize("capabilities", SAFE + DOUBLING)
def test_rule_20_what_fails_after_the_first_byte_is_ambiguous_only_for_a_create_that_can_double(
    failure: HttpFailure, operation: Operation, capabilities: Capabilities
) -> None:
    found = classify_failure(operation, capabilities, failure)

    doubles = operation is CREATE and not capabilities.repeatable_create
    assert isinstance(found, Ambiguous if doubles else Transient)
    assert found.timed_out is (failure.code == "timeout")
    assert found.code == failure.code


def test_an_upsert_with_a_request_key_cannot_double() -> None:
    assert replace(DOUBLING[1], upsert=True).repeatable_create
