"""An adapter's words as the history and the lane can keep them: bounded, and without what PostgreSQL refuses."""

import math
import re
from dataclasses import replace
from typing import get_args

from sendto.sdk import RETRY_AFTER_MAX_S, Outcome, RemoteRef
from sendto_dispatcher.domain.endings import Ending

CODE_CHARACTERS = 64
DETAIL_CHARACTERS = 500
REMOTE_CHARACTERS = 1_000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_OUTCOMES = get_args(Outcome)


class NoOutcome(TypeError):  # noqa: N818 - named for what it is
    """An adapter returned something that is no outcome, or one with a field of another type."""


def checked(returned: object) -> Outcome:
    """What an adapter returned, if it is an outcome as the interface has it, in words that can be kept.

    Raises:
        NoOutcome: it is not.
    """
    if not isinstance(returned, _OUTCOMES):
        raise NoOutcome(type(returned).__name__)
    for name in returned.__dataclass_fields__:
        if not _is_right(name, getattr(returned, name)):
            raise NoOutcome(f"{type(returned).__name__}.{name}")
    return keepable(returned)  # type: ignore[return-value]  # an outcome stays what it is


def keepable(ending: Ending) -> Ending:
    """The ending with its code, detail, remote id and Retry-After such that they can be stored and reckoned with.

    A remote id that cannot be stored is left out: cut or mended it would name another object, or none.
    """
    changes: dict[str, object] = {}
    for name in ending.__dataclass_fields__:
        value = getattr(ending, name)
        match name:
            case "code" | "reason" if isinstance(value, str):
                changes[name] = _bounded(value, CODE_CHARACTERS)
            case "detail" if isinstance(value, str):
                changes[name] = _bounded(value, DETAIL_CHARACTERS)
            case "remote" if isinstance(value, RemoteRef):
                changes[name] = value if keepable_id(value.value) else None
            case "retry_after_s" if value is not None:
                changes[name] = min(max(float(value), 0.0), RETRY_AFTER_MAX_S) if math.isfinite(value) else None
            case _:
                continue
    return replace(ending, **changes) if changes else ending  # type: ignore[arg-type]  # fields of the ending itself


def _is_right(name: str, value: object) -> bool:
    match name:
        case "remote":
            return value is None or (isinstance(value, RemoteRef) and isinstance(value.value, str))
        case "retry_after_s":
            return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
        case "nothing_done" | "timed_out":
            return isinstance(value, bool)
        case _:
            return isinstance(value, str)


def _bounded(text: str, characters: int) -> str:
    return _UNSTORABLE.sub("�", text)[:characters]


def keepable_id(remote: str) -> str | None:
    """The provider's id of an object, None where it cannot be stored."""
    return remote if 0 < len(remote) <= REMOTE_CHARACTERS and not _UNSTORABLE.search(remote) else None
