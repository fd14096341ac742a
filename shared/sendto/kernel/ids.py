"""Ids: UUIDv7 (RFC 9562), so that they sort by the time they were made."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_uuid() -> UUID:
    """A UUIDv7 as the standard library's type."""
    return uuid7()
