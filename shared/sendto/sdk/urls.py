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


def _shown(url: AnyHttpUrl) -> AnyHttpUrl:
    if url.username is not None or url.password is not None:
        raise ValueError("must hold no user and no password: addresses are shown, secrets have settings of their own")
    return url


def _encrypted(url: AnyHttpUrl) -> AnyHttpUrl:
    if url.scheme != "https" and not is_loopback(url.host or ""):
        raise ValueError("must be https, unless the host is loopback")
    return url


PlainUrl = Annotated[AnyHttpUrl, AfterValidator(_shown)]
"""http or https, without a user or password in it"""
SecureUrl = Annotated[PlainUrl, AfterValidator(_encrypted)]
"""the same, but https unless the host is loopback"""


def base(url: AnyHttpUrl) -> str:
    """The address without the slash at its end, for paths to be added to."""
    return str(url).rstrip("/")
