"""Settings of the webhook adapter."""

import base64
import binascii
from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from sendto.sdk import AdapterConfig
from sendto.sdk.urls import SecureUrl

_SECRET_MIN_BYTES = 24
_SECRET_MAX_BYTES = 64
SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of all secrets, not one of them


class WebhookConfig(AdapterConfig):
    """Where events go and how they are signed."""

    url: SecureUrl
    """https, unless the host is loopback"""
    secrets: Annotated[list[SecretStr], Field(min_length=1, max_length=8)]
    """24 to 64 bytes each, in Base64, `whsec_` before it or not; several while they are rotated"""
    allow_private: bool = False
    """whether the host may lie in a private network"""

    @field_validator("secrets")
    @classmethod
    def _secret_lengths(cls, secrets: list[SecretStr]) -> list[SecretStr]:
        for secret in secrets:
            try:
                raw = base64.b64decode(secret.get_secret_value().removeprefix(SECRET_PREFIX), validate=True)
            except binascii.Error:
                raise ValueError("a secret is not Base64") from None
            if not _SECRET_MIN_BYTES <= len(raw) <= _SECRET_MAX_BYTES:
                raise ValueError(f"a secret has {len(raw)} bytes, not {_SECRET_MIN_BYTES} to {_SECRET_MAX_BYTES}")
        return secrets
