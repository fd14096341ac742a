"""The adapter of Sendcloud's orders (API v3)."""

from sendto_dispatcher.adapters.sendcloud.adapter import SendcloudAdapter
from sendto_dispatcher.adapters.sendcloud.config import SendcloudConfig

__all__ = ["SendcloudAdapter", "SendcloudConfig"]
