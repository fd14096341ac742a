"""Settings of the trackpod adapter."""

from typing import Annotated

from pydantic import AnyHttpUrl, Field, SecretStr

from sendto.sdk import AdapterConfig
from sendto.sdk.urls import SecureUrl


class TrackPodConfig(AdapterConfig):
    """An account of Track-POD."""

    api_key: SecretStr
    """the API key of the account's settings"""
    depot_id: Annotated[str, Field(min_length=1, max_length=50)] | None = None
    """the depot of the orders, by its id there; unset: none is named"""
    base_url: SecureUrl = AnyHttpUrl("https://api.track-pod.com")
    """where the API is"""
