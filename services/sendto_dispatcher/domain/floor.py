"""From where on due lanes are looked for. Rule 37 of the dispatcher's rules; pure.

Claimed lanes leave dead entries at the front of the index of due times, and while some old snapshot is open, nobody may
clear them away. A look that begins at the lanes that were claimed last does not step over all of them.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

MARGIN = timedelta(seconds=10)
"""due times that became visible this long after they were written are still found at once"""
FULL_EVERY_S = 5.0
"""how often the whole index is looked at, for those that became visible later"""


class DueFloor:
    """Remembers where the lanes that were claimed last stood."""

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._full_at_s = float("-inf")

    def since(self, now_s: float) -> datetime | None:
        """The due time from which on the next look needs to look; None: from the beginning. `now_s` is monotonic."""
        if now_s - self._full_at_s >= FULL_EVERY_S:
            self._since = None
        if self._since is None:
            self._full_at_s = now_s
        return self._since

    def learn(self, due: Iterable[datetime | None], *, more: bool) -> None:
        """The due times of the lanes that a look found; `more`: it may not have found all that are due."""
        latest = max((moment for moment in due if moment is not None), default=None)
        self._since = latest - MARGIN if more and latest is not None else None
