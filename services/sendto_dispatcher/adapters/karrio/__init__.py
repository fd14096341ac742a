"""The adapter of a Karrio server's addresses."""

from sendto_dispatcher.adapters.karrio.adapter import KarrioAdapter
from sendto_dispatcher.adapters.karrio.config import KarrioConfig

__all__ = ["KarrioAdapter", "KarrioConfig"]
