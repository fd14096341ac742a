"""Lanes on a real PostgreSQL, moved step by step."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from infra.lanes import Lanes
from infra.sandbox import Provider, sandbox

from sendto.runtime.database import Database


@pytest.fixture
def lanes(dispatch_database: Database) -> Lanes:
    """The lanes of a new database."""
    return Lanes(dispatch_database)


@pytest.fixture
async def remote(tmp_path: Path) -> AsyncIterator[Provider]:
    """The sandbox."""
    async with sandbox(tmp_path / "sandbox") as served:
        yield served
