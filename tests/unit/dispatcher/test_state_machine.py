"""All interleavings of intake, claim, settle, expiry, re-route, replay, deletion and crash, by the pure rules."""

from hypothesis import settings
from unit.dispatcher.machine import LaneMachine
from unit.dispatcher.memory_store import MemoryStore


class PureLane(LaneMachine):
    """A lane in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()


TestAllInterleavings = PureLane.TestCase
TestAllInterleavings.settings = settings(max_examples=600, stateful_step_count=30, deadline=None)
