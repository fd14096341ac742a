"""What ops must know of the configuration that this process uses now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sendto.sdk import Adapter, Http
from sendto_dispatcher.domain.pace import Bucket
from sendto_dispatcher.domain.routing import Routing


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How a provider is asked by hand."""

    adapter: Adapter
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
    broken: Mapping[str, str]
    """configured providers that cannot be served because their plugin is broken, and how"""
    reached: Mapping[str, Reached]
    """the providers that this process serves, to be asked by hand"""
    prefixes: Mapping[str, str]
    """of references, by source"""
    routing: Routing
    digest: str

    @property
    def providers(self) -> frozenset[str]:
        """Names of the providers that this process serves."""
        return frozenset(self.rates)


Current = Callable[[], Configured]
"""Asks for the configuration that is in force now."""
