"""Settings of the Acme adapter."""

from pydantic import SecretStr

from sendto.sdk import AdapterConfig
from sendto.sdk.urls import SecureUrl, base


class AcmeConfig(AdapterConfig):
    """Where Acme is, and who we are to it."""

    url: SecureUrl
    """the address of Acme's API; https, unless the host is loopback"""
    token: SecretStr
    """the bearer token of the account"""

    @property
    def base_url(self) -> str:
        """The address without a slash at its end."""
        return base(self.url)
