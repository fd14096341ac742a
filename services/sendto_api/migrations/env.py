"""Alembic's entry into this history."""

from sendto.runtime.migrations import run_environment
from sendto_api.tables import metadata

run_environment(metadata)
