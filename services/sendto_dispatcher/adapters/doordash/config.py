"""Settings of the doordash adapter."""

import base64
import binascii
from typing import Annotated, Literal, Self

from pydantic import AnyHttpUrl, Field, SecretStr, field_validator, model_validator

from sendto.sdk import AdapterConfig
from sendto.sdk.urls import SecureUrl

_SECRET_MIN_BYTES = 32
"""less is too little for HMAC with SHA-256 (RFC 7518 §3.2)"""


class DoorDashConfig(AdapterConfig):
    """A developer's access key of DoorDash Drive, and where couriers fetch the orders."""

    acknowledge: Literal["every order here orders a real courier"]
    """these very words: each order that is routed here orders, and costs, a courier"""
    developer_id: Annotated[str, Field(min_length=1)]
    """of the access key"""
    key_id: Annotated[str, Field(min_length=1)]
    """of the access key"""
    signing_secret: SecretStr
    """of the access key, as DoorDash shows it: Base64, URL-safe"""
    pickup_external_business_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{3,64}$")] | None = None
    """the business of the store where orders are fetched"""
    pickup_external_store_id: Annotated[str, Field(min_length=1)] | None = None
    """the store where orders are fetched; with it no pickup address is needed"""
    pickup_address: Annotated[str, Field(min_length=1)] | None = None
    """where orders are fetched, in one line, without a store"""
    pickup_phone_number: Annotated[str, Field(pattern=r"^\+[1-9][0-9]{1,14}$")] | None = None
    """whom the courier calls there, in E.164 form, without a store"""
    pickup_business_name: Annotated[str, Field(min_length=1)] | None = None
    """the name that courier and customer are shown"""
    at_order_time: bool = True
    """deliver at the order's time if that is yet to come; else always as soon as possible"""
    base_url: SecureUrl = AnyHttpUrl("https://openapi.doordash.com")
    """where the API is"""

    @field_validator("signing_secret")
    @classmethod
    def _is_long_enough(cls, secret: SecretStr) -> SecretStr:
        try:
            key = signing_key(secret)
        except (binascii.Error, ValueError):
            raise ValueError("is not Base64") from None
        if len(key) < _SECRET_MIN_BYTES:
            raise ValueError(f"has {len(key)} bytes, not {_SECRET_MIN_BYTES} or more")
        return secret

    @model_validator(mode="after")
    def _is_fetched_somewhere(self) -> Self:
        store = (self.pickup_external_business_id, self.pickup_external_store_id)
        if any(store) and not all(store):
            raise ValueError("pickup_external_business_id and pickup_external_store_id go together")
        if not all(store) and not (self.pickup_address and self.pickup_phone_number):
            raise ValueError("give the store's two ids, or pickup_address and pickup_phone_number")
        return self

    @property
    def pickup(self) -> dict[str, str]:
        """The fields of a delivery that say where it is fetched."""
        names = (
            "pickup_external_business_id",
            "pickup_external_store_id",
            "pickup_address",
            "pickup_phone_number",
            "pickup_business_name",
        )
        return {name: value for name in names if (value := getattr(self, name)) is not None}


def signing_key(secret: SecretStr) -> bytes:
    """The key that the secret stands for; DoorDash leaves the padding away."""
    text = secret.get_secret_value().strip().rstrip("=").translate(str.maketrans("+/", "-_"))
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
