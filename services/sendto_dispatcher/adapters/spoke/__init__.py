"""The adapter of Spoke Dispatch (Circuit): a stop that is not on a route yet."""

from sendto_dispatcher.adapters.spoke.adapter import SpokeAdapter
from sendto_dispatcher.adapters.spoke.config import SpokeConfig

__all__ = ["SpokeAdapter", "SpokeConfig"]
