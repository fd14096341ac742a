"""Which faults strike, in which order: drawn from a seed, and the same for the same seed."""

import random
from collections.abc import Collection, Iterator

from faults.kinds.clocks import PostgresClockJumps, ProcessClockJumps
from faults.kinds.cuts import DiskFull, NetworkCut
from faults.kinds.fault import Fault
from faults.kinds.kills import Freeze, KillAtMoments, KillAtPlaces, Leave
from faults.kinds.outages import BothAway, KafkaKilled, PostgresAwayLong, PostgresKilled
from faults.kinds.restores import ApiRestored, DispatcherRestored
from faults.kinds.unwell import ProviderDown, SavesLate, Unwell
from faults.rig.surroundings import Need

JUDGED_AFTER_S = 35.0
"""where nothing else strikes for so long, it is judged whether all was right in time after a fault"""

KINDS: dict[str, tuple[int, type[Fault]]] = {
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
    "late": (3, SavesLate),
    "clock": (3, ProcessClockJumps),
    "postgres-clock": (2, PostgresClockJumps),
    "network": (4, NetworkCut),
    "disk": (2, DiskFull),
    "restore": (1, DispatcherRestored),
    "api-restore": (1, ApiRestored),
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


def draw_each(seed: int, kinds: frozenset[str] = frozenset(KINDS)) -> Iterator[Fault]:
    """One fault of each kind, in any order."""
    random_ = random.Random(seed)  # noqa: S311 - to be the same each time
    for name in random_.sample(sorted(kinds), len(kinds)):
        yield KINDS[name][1](random.Random(random_.getrandbits(64)))  # noqa: S311 - drawn anew from the seed


def pauses(seed: int) -> Iterator[float]:
    """Seconds after each fault, without end: mostly the next one follows at once, but some ends are to be judged."""
    random_ = random.Random(-seed - 1)  # noqa: S311 - to be the same each time, and to leave the faults as they are
    while True:
        yield random_.choices((1.0, JUDGED_AFTER_S), (3, 1))[0]


def shape_of(seed: int) -> str:
    """The system that a campaign strikes: one in six has a provider that takes few requests a second."""
    return "limited" if seed % 6 == 5 else "usual"


def needed(kinds: Collection[str]) -> frozenset[Need]:
    """What these kinds need of the machine."""
    return frozenset(need for kind in kinds for need in KINDS[kind][1].needs)
