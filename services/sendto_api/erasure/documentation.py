"""What the OpenAPI document says of erasures."""

from sendto_api.erasure.schemas import ErasureBody, ErasureObject, FinishBody, FinishedObject
from sendto_api.http.documentation import Operation, Success, writing
from sendto_api.tokens.permissions import CUSTOMER_WRITE

_HEADERS = ("Idempotency-Key", "Prefer", "X-Request-Id")
_NEVER = frozenset({404, 412})
_ERRORS = tuple(status for status in writing(415) if status not in _NEVER)

ERASE = Operation(
    id="createErasure",
    summary="Forget a person: in orders, customers, the outbox and stored answers",
    says=(
        "The orders stay, without buyer, customer, address and comments. Repeat the call with the answer's `next` as"
        " `after` until that is null; erasures that were cut short are gone on with. Also needs `orders_write`."
    ),
    tag="erasures",
    permission=CUSTOMER_WRITE,
    headers=_HEADERS,
    body=ErasureBody,
    body_examples={"order": {"order_id": 51342}, "person": {"email": "john_turcotte@example.com"}},
    successes=(
        Success(
            status=200,
            says="What was forgotten so far.",
            schema=ErasureObject,
            example={"erasures": [7], "orders": [51342], "customers": 1, "events": 3, "answers": 1, "next": None},
            headers=("Idempotency-Replayed",),
        ),
    ),
    errors=_ERRORS,
)
FINISH = Operation(
    id="finishErasures",
    summary="Say that erasures are finished in every other place, too",
    says="Until then they are told of by every further erasure, so that one that was cut short is not forgotten.",
    tag="erasures",
    permission=CUSTOMER_WRITE,
    headers=_HEADERS,
    body=FinishBody,
    body_examples={"one": {"erasures": [7]}},
    successes=(
        Success(
            status=200,
            says="How many were not finished before.",
            schema=FinishedObject,
            example={"finished": 1},
            headers=("Idempotency-Replayed",),
        ),
    ),
    errors=_ERRORS,
)
