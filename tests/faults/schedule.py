"""Which faults strike, in which order: drawn from a seed, and the same for the same seed."""

import random
from collections.abc import Callable, Iterator

from faults.kinds.fault import Fault
from faults.kinds.kills import Freeze, KillAtMoments, KillAtPlaces, Leave
from faults.kinds.outages import BothAway, KafkaKilled, PostgresAwayLong, PostgresKilled
from faults.kinds.unwell import ProviderDown, Unwell

KINDS: dict[str, tuple[int, Callable[[random.Random], Fault]]] = {
    "moments": (8, KillAtMoments),
    "places": (4, KillAtPlaces),
    "freeze": (3, Freeze),
    "leave": (1, Leave),
    "kafka": (2, KafkaKilled),
    "postgres": (3, PostgresKilled),
    "both-away": (1, BothAway),
    "postgres-long": (1, PostgresAwayLong),
    "unwell": (8, Unwell),
    "down": (1, ProviderDown),
}
"""by name: how often it is drawn, and how it is made"""


def draw(seed: int, kinds: frozenset[str] = frozenset(KINDS)) -> Iterator[Fault]:
    """Faults without end."""
    random_ = random.Random(seed)  # noqa: S311 - to be the same each time
    names = sorted(kinds)
    weights = [KINDS[name][0] for name in names]
    while True:
        [name] = random_.choices(names, weights)
        yield KINDS[name][1](random.Random(random_.getrandbits(64)))  # noqa: S311 - drawn anew from the seed
