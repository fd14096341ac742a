"""Secrets of configurations in tests: the configuration names their source, as everybody's must."""

import json
import os
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from sendto.kernel.secret_settings import secrets_given
from sendto_dispatcher.engine.provider import load_adapter


def source_of(secret: str) -> str:
    """`env:NAME` of a variable of this process, and of those that it starts, that holds the secret."""
    name = f"SECRET_OF_A_TEST_{sha256(secret.encode()).hexdigest()[:12]}"
    os.environ[name] = secret
    return f"env:{name}"


def with_sources(adapter: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of an adapter, with the source of each secret in its place."""
    tree: dict[str, Any] = json.loads(json.dumps(config))
    for given in secrets_given(load_adapter(adapter).Config, tree):
        if given.written_out:
            *path, last = given.path
            inner: Any = tree
            for part in path:
                inner = inner[part]
            inner[last] = source_of(given.value)
    return tree
