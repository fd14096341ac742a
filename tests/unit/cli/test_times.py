"""Moments as people write them."""

from datetime import UTC, datetime

import pytest
import typer

from sendto_cli.times import moment

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("90s", datetime(2026, 3, 4, 11, 58, 30, tzinfo=UTC)),
        ("15m", datetime(2026, 3, 4, 11, 45, tzinfo=UTC)),
        ("2h", datetime(2026, 3, 4, 10, 0, tzinfo=UTC)),
        ("3d", datetime(2026, 3, 1, 12, 0, tzinfo=UTC)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05+02:00", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("2026-01-02 03:04", datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),
    ],
)
def test_a_moment_is_so_long_ago_or_a_time(text: str, told: datetime) -> None:
    assert moment(text, "--since", NOW) == told


@pytest.mark.parametrize("text", ["", "yesterday", "2w", "-1h", "99999999999d", "2026-13-01"])
def test_anything_else_is_wrong_usage(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        moment(text, "--since", NOW)
