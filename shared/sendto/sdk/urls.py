"""Addresses that secrets and personal data may be sent to."""

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, AnyHttpUrl


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, by its name alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _encrypted(url: AnyHttpUrl) -> AnyHttpUrl:
    if url.scheme != "https" and not is_loopback(url.host or ""):
        raise ValueError("must be https, unless the host is loopback")
    return url


SecureUrl = Annotated[AnyHttpUrl, AfterValidator(_encrypted)]
"""https, unless the host is loopback"""


def base(url: AnyHttpUrl) -> str:
    """The address without the slash at its end, for paths to be added to."""
    return str(url).rstrip("/")
