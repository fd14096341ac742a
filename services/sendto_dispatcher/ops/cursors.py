"""Where a page of lanes ends, as the opaque text that a caller sends back for the next one."""

import base64
import binascii

import msgspec

from sendto_dispatcher.store.listing import Place


class CursorInvalid(Exception):  # noqa: N818 - named for what happened
    """The text is no cursor of ours."""


def to_cursor(place: Place) -> str:
    """The place as text for a URL."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def from_cursor(cursor: str) -> Place:
    """The place behind the text.

    Raises:
        CursorInvalid: it is none.
    """
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=Place)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        raise CursorInvalid from None
