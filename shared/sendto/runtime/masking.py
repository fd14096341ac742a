"""Settings as they may be shown: without secrets."""

from typing import Any

from pydantic import SecretStr


def masked(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Settings, as JSON, without the texts of adapters' own sections: what is secret there only its adapter knows.

    A text that points to a secret (`env:NAME`, `file:PATH`) is no secret, and stays.
    """
    if not isinstance(value, dict):
        return value
    return {key: _unspoken(item) if key == "config" else masked(item) for key, item in value.items()}


def _unspoken(value: Any) -> Any:  # noqa: ANN401 - JSON
    match value:
        case dict():
            return {key: _unspoken(item) for key, item in value.items()}
        case list():
            return [_unspoken(item) for item in value]
        case str() if not value.startswith(("env:", "file:")):
            return str(SecretStr(value))
        case _:
            return value
