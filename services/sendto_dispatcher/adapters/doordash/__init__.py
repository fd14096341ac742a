"""The adapter of DoorDash Drive (API v2), which orders couriers."""

from sendto_dispatcher.adapters.doordash.adapter import DoorDashAdapter
from sendto_dispatcher.adapters.doordash.config import DoorDashConfig

__all__ = ["DoorDashAdapter", "DoorDashConfig"]
