"""Keyed digests of what a provider holds, so that an update that changes nothing needs no call.

Keyed, because a lane holds no personal data, and a plain digest of a name can be guessed.
"""

from collections.abc import Mapping
from hashlib import blake2b

import msgspec


def content_digest(key: bytes, content: Mapping[str, object]) -> bytes:
    """16 bytes that differ when the content differs; `key` has at most 64 bytes."""
    canonical = msgspec.json.encode(content, order="deterministic")
    return blake2b(canonical, key=key, digest_size=16).digest()
