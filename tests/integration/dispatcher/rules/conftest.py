"""Lanes on a real PostgreSQL, moved step by step."""

import pytest
from infra.lanes import Lanes

from sendto.runtime.database import Database


@pytest.fixture
def lanes(dispatch_database: Database) -> Lanes:
    """The lanes of a new database."""
    return Lanes(dispatch_database)
