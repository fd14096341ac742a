"""The adapter of Track-POD's orders."""

from sendto_dispatcher.adapters.trackpod.adapter import TrackPodAdapter
from sendto_dispatcher.adapters.trackpod.config import TrackPodConfig

__all__ = ["TrackPodAdapter", "TrackPodConfig"]
