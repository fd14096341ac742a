"""Rule 22: what a receiver's status means to the webhook adapter; nearly nothing is final."""

from datetime import UTC, datetime

import pytest

from sendto.sdk import Applied, Gone, HttpResponse, Outcome, RateLimited, Rejected, Transient, Unauthorized
from sendto_dispatcher.adapters.webhook.adapter import outcome_of

_FINAL: dict[int, type] = {400: Rejected, 413: Rejected, 422: Rejected, 410: Gone, 429: RateLimited}
_REFUSED = {401, 403}


def _outcome(status: int) -> Outcome:
    return outcome_of(HttpResponse(status, {}, b""), now=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("status", range(200, 600))
def test_only_2xx_is_success_and_all_but_a_few_is_tried_again(status: int) -> None:
    outcome = _outcome(status)

    if status < 300:
        assert outcome == Applied()
    elif status in _REFUSED:
        assert isinstance(outcome, Unauthorized)
    else:
        assert isinstance(outcome, _FINAL.get(status, Transient))
        if isinstance(outcome, Transient):
            assert outcome.nothing_done is (status in {425, 503})
