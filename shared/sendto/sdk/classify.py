"""The core's defaults for answers over HTTP; an adapter overrides them where its provider says more in the body.

Source: RFC 9110 for the meaning of the status codes, RFC 6585 for 429, RFC 8470 for 425.
"""

from datetime import datetime
from http import HTTPStatus

from sendto.sdk.adapter import Capabilities
from sendto.sdk.commands import Operation
from sendto.sdk.http import AnswerLost, HttpFailure, HttpResponse, NotSent
from sendto.sdk.outcomes import (
    AlreadyAbsent,
    Ambiguous,
    Applied,
    Outcome,
    RateLimited,
    Rejected,
    Transient,
    Unauthorized,
)
from sendto.sdk.waits import retry_after

_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_NOTHING_DONE = frozenset({HTTPStatus.TOO_EARLY, HTTPStatus.SERVICE_UNAVAILABLE})
_ABSENT = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_MISDEPLOYED_ON_CREATE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})


def classify(operation: Operation, capabilities: Capabilities, response: HttpResponse, *, now: datetime) -> Outcome:
    """What an answer means when only its status and headers are looked at."""
    status = response.status
    code = f"http_{status}"
    retry_after_s = retry_after(response.headers, now=now)
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Applied()
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(retry_after_s)
    if status in _REFUSED:
        return Unauthorized(code)
    if status in _NOTHING_DONE or status < HTTPStatus.BAD_REQUEST:  # redirects are not followed
        return Transient(code, retry_after_s=retry_after_s, nothing_done=True)
    if operation is not Operation.CREATE and status in _ABSENT:
        return AlreadyAbsent()
    if operation is Operation.CREATE and status in _MISDEPLOYED_ON_CREATE:
        return Transient(code, retry_after_s=retry_after_s, nothing_done=True)
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _maybe_done(operation, capabilities, code, retry_after_s=retry_after_s)
    return Rejected(code)


def classify_failure(operation: Operation, capabilities: Capabilities, failure: HttpFailure) -> Outcome:
    """What a missing answer means: nothing was done, or it is not known."""
    match failure:
        case NotSent():
            return Transient(failure.code, nothing_done=True)
        case AnswerLost():
            return _maybe_done(operation, capabilities, failure.code, timed_out=failure.timed_out)
        case _:
            return _maybe_done(operation, capabilities, failure.code)


def _maybe_done(
    operation: Operation,
    capabilities: Capabilities,
    code: str,
    *,
    retry_after_s: float | None = None,
    timed_out: bool = False,
) -> Outcome:
    """Only a create that would make a second object needs finding out; everything else is safely sent again."""
    if operation is Operation.CREATE and not capabilities.repeatable_create:
        return Ambiguous(code, timed_out=timed_out, retry_after_s=retry_after_s)
    return Transient(code, retry_after_s=retry_after_s, timed_out=timed_out)
