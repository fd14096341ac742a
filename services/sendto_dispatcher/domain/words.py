"""An adapter's words as the history and the lane can keep them: bounded, and without what PostgreSQL refuses."""

import re
from dataclasses import fields, replace

from sendto.sdk import RemoteRef
from sendto_dispatcher.domain.settle import Ending

CODE_CHARACTERS = 64
DETAIL_CHARACTERS = 500
REMOTE_CHARACTERS = 1_000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def keepable(ending: Ending) -> Ending:
    """The ending with its code, detail and remote id such that they can be stored.

    A remote id that cannot be is left out: cut or mended it would name another object, or none.
    """
    changes: dict[str, object] = {}
    for field in fields(ending):
        value = getattr(ending, field.name)
        match field.name:
            case "code" | "reason" if isinstance(value, str):
                changes[field.name] = _bounded(value, CODE_CHARACTERS)
            case "detail" if isinstance(value, str):
                changes[field.name] = _bounded(value, DETAIL_CHARACTERS)
            case "remote" if isinstance(value, RemoteRef) and not _is_keepable(value):
                changes[field.name] = None
            case _:
                continue
    return replace(ending, **changes) if changes else ending  # type: ignore[arg-type]  # fields of the ending itself


def _bounded(text: str, characters: int) -> str:
    return _UNSTORABLE.sub("�", text)[:characters]


def _is_keepable(remote: RemoteRef) -> bool:
    return 0 < len(remote.value) <= REMOTE_CHARACTERS and not _UNSTORABLE.search(remote.value)
