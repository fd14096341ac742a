"""Each planted bug breaks a promise that the checker finds; the same steps without it break none."""

import asyncio
from pathlib import Path

import pytest
from faults.checking.records import Violation
from faults.interleavings import SCENES
from faults.planted import BUGS
from faults.rig.judging import Judge
from faults.rig.staging import staged
from infra.postgres import Databases

# The quickest of each kind; `make faults` plays all.
_SHORT = ("created_again_in_doubt", "generation_ignored")
_PATIENCE_S = 60.0
_WRONG_FOR_S = 8.0
"""how long a system with a bug may take to get right after all"""


async def _played(name: str, databases: Databases, kafka: str, folder: Path, *, bug: bool) -> list[Violation]:
    scene = SCENES[name]
    async with staged(databases, kafka, folder, scene, name if bug else None) as stage:
        await scene.play(stage)
        patience_s = _WRONG_FOR_S if bug else _PATIENCE_S
        return await Judge(stage.system).verdict(stage.book.written, patience_s=patience_s, right_within_s=_PATIENCE_S)


async def _shows(name: str, databases: Databases, kafka: str, folder: Path) -> None:
    broken, right = await asyncio.gather(
        _played(name, databases, kafka, folder / "bug", bug=True),
        _played(name, databases, kafka, folder / "right", bug=False),
    )
    assert right == []
    assert broken, f"nobody noticed {name}"


@pytest.mark.parametrize("name", _SHORT)
async def test_a_planted_bug_is_found(name: str, databases: Databases, kafka: str, tmp_path: Path) -> None:
    await _shows(name, databases, kafka, tmp_path)


@pytest.mark.faults
@pytest.mark.parametrize("name", sorted(SCENES.keys() - set(_SHORT)))
async def test_every_other_planted_bug_is_found(name: str, databases: Databases, kafka: str, tmp_path: Path) -> None:
    await _shows(name, databases, kafka, tmp_path)


def test_every_planted_bug_has_its_scene() -> None:
    assert BUGS.keys() == SCENES.keys()
    assert len(BUGS) >= 12
