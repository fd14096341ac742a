"""Settings of the karrio adapter."""

from typing import Annotated

from pydantic import Field, SecretStr

from sendto.sdk import AdapterConfig
from sendto.sdk.urls import SecureUrl


class KarrioConfig(AdapterConfig):
    """A Karrio server and an account of it."""

    base_url: SecureUrl
    """where the server is, without `/v1`"""
    api_key: SecretStr
    """an API key of the account"""
    default_country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    """of orders whose address names no country; unset: an order needs an address with one"""
