"""Lines of one turn of the loop are written together, warnings at once, and none is lost."""

import asyncio
import json
from collections.abc import Iterator

import pytest
import structlog
from infra.logs import logging_as

from sendto.runtime import logs
from sendto.runtime.settings import LogSettings


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    """What a service writes."""
    with logging_as("test", LogSettings(level="info", format="json")):
        yield capsys


def _events(log: pytest.CaptureFixture[str]) -> list[str]:
    return [json.loads(line)["event"] for line in log.readouterr().err.splitlines()]


async def test_what_informs_is_written_before_the_next_turn(log: pytest.CaptureFixture[str]) -> None:
    speaks = logs.logger("turn")
    speaks.info("one")
    speaks.info("two")
    assert _events(log) == []

    await asyncio.sleep(0)

    assert _events(log) == ["one", "two"]


async def test_a_warning_is_written_at_once_and_in_its_place(log: pytest.CaptureFixture[str]) -> None:
    speaks = logs.logger("turn")
    speaks.info("one")
    speaks.warning("two")

    assert _events(log) == ["one", "two"]


def test_outside_a_loop_every_line_is_written_at_its_moment(log: pytest.CaptureFixture[str]) -> None:
    logs.logger("outside").info("one")

    assert _events(log) == ["one"]


def test_what_a_loop_left_when_it_ended_comes_before_the_next_line(log: pytest.CaptureFixture[str]) -> None:
    async def says(what: str) -> None:
        logs.logger("loops").info(what)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(says("one"))
    loop.close()
    asyncio.run(says("two"))

    assert _events(log) == ["one", "two"]


def test_a_wide_line_is_what_the_logger_would_write(log: pytest.CaptureFixture[str]) -> None:
    with logs.bound(ops_request="r-1"):
        logs.Wide("wide", "told")(order_id=7, reason=None)
        logs.logger("wide").info("told", order_id=7, reason=None)

    one, other = (json.loads(line) for line in log.readouterr().err.splitlines())
    moments = [line.pop("timestamp") for line in (one, other)]
    assert one == other
    assert one["order_id"] == 7
    assert [len(moment) for moment in moments] == [len("2026-01-02T03:04:05.678901Z")] * 2


@pytest.mark.parametrize(("settings", "lines"), [(("warning", "json"), 0), (("info", "console"), 1)])
def test_a_wide_line_keeps_to_level_and_form(
    log: pytest.CaptureFixture[str], settings: tuple[str, str], lines: int
) -> None:
    level, form = settings
    with logging_as("test", LogSettings.model_validate({"level": level, "format": form})):
        logs.Wide("wide", "told")(order_id=7)

    written = log.readouterr().err.splitlines()
    assert len(written) == lines
    assert all("told" in line and not line.startswith("{") for line in written)


def test_a_wide_line_goes_where_structlog_sends_it(log: pytest.CaptureFixture[str]) -> None:
    structlog.configure(processors=[lambda *line: f"otherwise {line[2]['event']}"])
    logs.Wide("wide", "told")(order_id=7)

    assert log.readouterr().err.splitlines() == ["otherwise told"]
