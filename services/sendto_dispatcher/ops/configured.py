"""What ops must know of the configuration that this process uses now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sendto_dispatcher.domain.routing import Routing


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """The configuration in force; a reload makes another one."""

    rates: Mapping[str, float | None]
    """the providers that this process serves, with their requests per second; None: unlimited"""
    broken: Mapping[str, str]
    """configured providers that cannot be served because their plugin is broken, and how"""
    routing: Routing
    digest: str

    @property
    def providers(self) -> frozenset[str]:
        """Names of the providers that this process serves."""
        return frozenset(self.rates)


Current = Callable[[], Configured]
"""Asks for the configuration that is in force now."""
