"""Everything that an adapter's author needs; importing it loads pydantic and the standard library only."""

from sendto.sdk.adapter import (
    API_VERSION,
    SUPPORTED_API_VERSIONS,
    Adapter,
    BatchAdapter,
    Capabilities,
    DeleteMode,
    FetchingAdapter,
    Idempotency,
    LookupFailed,
)
from sendto.sdk.classify import classify, classify_failure
from sendto.sdk.commands import Command, Health, HealthVerdict, Operation, RemoteState
from sendto.sdk.configuration import AdapterConfig
from sendto.sdk.documentation import Documentation
from sendto.sdk.http import AnswerLost, Http, HttpFailure, HttpRequest, HttpResponse, NotSent, TooLate
from sendto.sdk.outcomes import (
    BATCH_REFUSED,
    Accepted,
    AlreadyAbsent,
    Ambiguous,
    Applied,
    Gone,
    Outcome,
    RateLimited,
    Rejected,
    RemoteRef,
    Transient,
    Unauthorized,
    Unsupported,
)
from sendto.sdk.requirements import Requirement
from sendto.sdk.tokens import Token, TokenCache
from sendto.sdk.waits import RETRY_AFTER_MAX_S, retry_after

__all__ = [
    "API_VERSION",
    "BATCH_REFUSED",
    "RETRY_AFTER_MAX_S",
    "SUPPORTED_API_VERSIONS",
    "Accepted",
    "Adapter",
    "AdapterConfig",
    "AlreadyAbsent",
    "Ambiguous",
    "AnswerLost",
    "Applied",
    "BatchAdapter",
    "Capabilities",
    "Command",
    "DeleteMode",
    "Documentation",
    "FetchingAdapter",
    "Gone",
    "Health",
    "HealthVerdict",
    "Http",
    "HttpFailure",
    "HttpRequest",
    "HttpResponse",
    "Idempotency",
    "LookupFailed",
    "NotSent",
    "Operation",
    "Outcome",
    "RateLimited",
    "Rejected",
    "RemoteRef",
    "RemoteState",
    "Requirement",
    "Token",
    "TokenCache",
    "TooLate",
    "Transient",
    "Unauthorized",
    "Unsupported",
    "classify",
    "classify_failure",
    "retry_after",
]
