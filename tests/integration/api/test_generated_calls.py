"""Calls generated from the OpenAPI document find nothing: every check, every link, with and without a token."""

import secrets
from pathlib import Path

import pytest
from infra.generated import generated_calls
from infra.serving import Caller

from sendto.runtime.database import Database
from sendto_api.openapi import CANONICAL, SAME

_CANONICAL_ONLY = ("--include-path-regex", f"^{CANONICAL}/")


async def test_five_hundred_calls_find_nothing(api: Caller, tmp_path: Path) -> None:
    calls = await generated_calls(tmp_path, api.url, api.token, "--seed", "1", "--max-examples", "2", *_CANONICAL_ONLY)

    assert calls >= 500


async def test_without_a_token_nothing_is_to_be_had(api: Caller, api_database: Database, tmp_path: Path) -> None:
    options = ("--seed", "1", "--phases", "examples,fuzzing", "--max-examples", "3")
    calls = await generated_calls(tmp_path, api.url, None, *options, "--include-path-regex", f"^{SAME}/")

    assert calls >= 11
    async with api_database.connection() as connection:
        assert await connection.fetchval('SELECT count(*) FROM "order"') == 0


@pytest.mark.large
async def test_five_thousand_calls_find_nothing(api: Caller, tmp_path: Path) -> None:
    seed = str(secrets.randbelow(2**32))
    print(f"seed {seed}")  # noqa: T201 - shown when it fails, to do it again

    assert await generated_calls(tmp_path, api.url, api.token, "--seed", seed, "--max-examples", "15") >= 5_000
