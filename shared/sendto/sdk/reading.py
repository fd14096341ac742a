"""What an answer to a read means that tells neither presence nor absence."""

from datetime import UTC, datetime
from http import HTTPStatus

from sendto.sdk.adapter import Capabilities, LookupFailed
from sendto.sdk.classify import classify
from sendto.sdk.commands import Health, HealthVerdict, Operation
from sendto.sdk.http import HttpResponse
from sendto.sdk.outcomes import Applied, Transient

_READ = Capabilities(upsert=True)
"""a read may be repeated, and one that is not found at its address was misdirected"""

_REFUSED = {HTTPStatus.UNAUTHORIZED: HealthVerdict.UNAUTHORIZED, HTTPStatus.FORBIDDEN: HealthVerdict.FORBIDDEN}


def read_failed(response: HttpResponse) -> LookupFailed:
    """The exception for an answer from which nothing can be learned."""
    outcome = classify(Operation.CREATE, _READ, response, now=datetime.now(UTC))
    return LookupFailed(Transient("answer_unreadable") if isinstance(outcome, Applied) else outcome)


def health_of(response: HttpResponse) -> Health:
    """What an answer other than the expected one tells `check`: address, credentials and permission told apart."""
    status, detail = response.status, f"http_{response.status}"
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Health(HealthVerdict.UNREACHABLE, detail)
    return Health(
        next((verdict for code, verdict in _REFUSED.items() if code == status), HealthVerdict.MISCONFIGURED), detail
    )
