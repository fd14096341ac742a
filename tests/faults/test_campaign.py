"""The short form of `make faults`: kills at every named place and at any moment, servers killed, under writes."""

import random
from collections.abc import Callable
from itertools import repeat
from pathlib import Path

import pytest
from faults.campaign import Load, battlefield, fight, told
from faults.kinds.fault import Fault
from faults.kinds.kills import KillAtMoments, KillAtPlaces
from faults.kinds.outages import KafkaKilled, PostgresKilled
from faults.kinds.unwell import Unwell
from faults.rig.configuration import Shape

from sendto.runtime.failpoints import Point

_SEED = 4
_LONG_S = 3_600.0
_PATIENCE_S = 180.0
"""of a loaded machine: time alone must not decide"""


# Where a crash could tear apart what belongs together; `make faults` dies at every place.
_SHORT = (
    Point.API_COMMITTED,
    Point.RELAY_SENT,
    Point.INTAKE_WRITTEN,
    Point.INTAKE_COMMITTED,
    Point.ENGINE_CLAIMED,
    Point.ENGINE_CALLED,
    Point.ENGINE_SETTLE_WRITTEN,
)


async def _converges(folder: Path, points: tuple[Point, ...], more: Callable[[random.Random], list[Fault]]) -> None:
    random_ = random.Random(_SEED)  # noqa: S311 - to be the same each time
    places = KillAtPlaces(random_, points)
    async with battlefield(folder, Shape()) as field:
        result = await fight(
            field,
            [places, *more(random_)],
            seed=_SEED,
            load=Load(),
            for_s=_LONG_S,
            pauses_s=repeat(0.0),
            patience_s=_PATIENCE_S,
            right_within_s=_PATIENCE_S,
        )
    assert result.violations == [], told(result.violations)
    assert places.reached == set(points)
    assert result.writes > 100


async def test_it_converges_under_fire(tmp_path: Path) -> None:
    await _converges(
        tmp_path,
        _SHORT,
        lambda random_: [Unwell(random_), PostgresKilled(random_), KafkaKilled(random_)],
    )


@pytest.mark.faults
async def test_it_converges_after_a_death_at_every_place(tmp_path: Path) -> None:
    await _converges(tmp_path, tuple(Point), lambda random_: [KillAtMoments(random_, kills=5)])
