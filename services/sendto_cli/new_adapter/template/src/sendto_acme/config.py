"""Settings of the Acme adapter."""

from pydantic import AnyHttpUrl, SecretStr

from sendto.sdk import AdapterConfig


class AcmeConfig(AdapterConfig):
    """Where Acme is, and who we are to it."""

    url: AnyHttpUrl
    """the address of Acme's API"""
    token: SecretStr
    """bearer token; give it as `env:NAME` or `file:PATH`"""

    @property
    def base_url(self) -> str:
        """The address without a slash at its end."""
        return str(self.url).rstrip("/")
