"""What ops must know of the configuration that this process uses now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sendto.sdk import Adapter, Http
from sendto_dispatcher.domain.pace import Bucket
from sendto_dispatcher.domain.routing import Routing
from sendto_dispatcher.store.taking import IntakeRules
from sendto_dispatcher.store.taking_again import Decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How a provider is asked by hand."""

    adapter: Adapter
    remake: Callable[[], Adapter]
    """makes the same adapter anew, for rehearsals"""
    http: Callable[[float], Http]
    """a client for one call that may take so many seconds"""
    timeout_s: float
    bucket: Bucket | None
    shadow: bool
    secrets: frozenset[str] = field(repr=False)
    """what must be masked wherever a request is shown"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """The configuration in force; a reload makes another one."""

    rates: Mapping[str, float | None]
    """the providers that this process serves, with their requests per second; None: unlimited"""
    limits: Mapping[str, str]
    """their rate limits, as they are written; none of a provider that has none"""
    broken: Mapping[str, str]
    """configured providers that cannot be served because their plugin is broken or missing, and how"""
    disabled: frozenset[str]
    """configured providers with `enabled = false`"""
    reached: Mapping[str, Reached]
    """the providers that this process serves, to be asked by hand"""
    prefixes: Mapping[str, str]
    """of references, by source"""
    timeouts_s: Mapping[str, float]
    """how long an attempt of each may take"""
    rules: IntakeRules
    """how events are taken, routes among them"""
    decode: Decode
    """decodes a record as the intake does"""
    digest: str
    loaded_at: datetime
    refused: str | None
    """why the newest configuration is not in force; None if it is"""
    shown: Mapping[str, Any]
    """the whole of it, secrets masked"""

    @property
    def routing(self) -> Routing:
        """The routes."""
        return self.rules.routing

    @property
    def providers(self) -> frozenset[str]:
        """Names of the providers that this process serves."""
        return frozenset(self.rates)


Current = Callable[[], Configured]
"""Asks for the configuration that is in force now."""
