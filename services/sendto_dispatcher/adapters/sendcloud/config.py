"""Settings of the sendcloud adapter."""

from typing import Annotated, Literal

from pydantic import AnyHttpUrl, Field, SecretStr

from sendto.sdk import AdapterConfig
from sendto.sdk.urls import SecureUrl

Currency = Literal["EUR", "GBP", "USD"]
"""the currencies that Sendcloud's prices may have"""


class SendcloudConfig(AdapterConfig):
    """An account of Sendcloud, and the integration that the orders belong to."""

    public_key: SecretStr
    """the public key of the API credentials"""
    secret_key: SecretStr
    """their secret key"""
    integration_id: Annotated[int, Field(ge=1)]
    """the id of the API integration that the orders are put into"""
    default_currency: Currency | None = None
    """of orders that name none; unset: such orders are rejected"""
    on_delete: Literal["delete", "anonymise"] = "delete"
    """`anonymise` keeps the order at Sendcloud and overwrites the person in it"""
    save_s: Annotated[float, Field(ge=0, le=60)] = 2.0
    """how long Sendcloud may take, after its answer, to show an order that it took, in seconds"""
    base_url: SecureUrl = AnyHttpUrl("https://panel.sendcloud.sc/api/v3")
    """where the API is"""
