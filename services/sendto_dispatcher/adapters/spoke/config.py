"""Settings of the spoke adapter."""

from typing import Annotated

from pydantic import AnyHttpUrl, Field, SecretStr

from sendto.sdk import AdapterConfig
from sendto.sdk.urls import SecureUrl


class SpokeConfig(AdapterConfig):
    """A team of Spoke Dispatch."""

    api_key: SecretStr
    """an API key of the team"""
    depot: Annotated[str, Field(pattern=r"^depots/[a-zA-Z0-9_-]{1,50}$")] | None = None
    """the depot of new stops, as `depots/ID`; unset: the team's main depot"""
    base_url: SecureUrl = AnyHttpUrl("https://api.spoke.com/public/v1")
    """where the API is"""
