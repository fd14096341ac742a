"""Each trouble of the whole system is named rightly, and no longer once it is over."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from e2e.troubles.configuration import configuration
from e2e.troubles.making import put, until
from e2e.troubles.stage import Stage, left_open
from e2e.troubles.telling import alerts, is_shown, names, note, sentences
from infra.bodies import customer, order
from infra.processes import Service
from infra.prometheus import add_target
from infra.servers import free_port
from infra.topics import delete_records, remake_topic

from sendto.runtime.settings import TopicSettings

pytestmark = [pytest.mark.large, pytest.mark.xdist_group("troubles")]


async def _await(troubled: Stage, title: str, *, trouble: str, alert: str, ready: str = "", order_id: int = 0) -> None:
    """Wait until a trouble of the system is named."""

    async def named() -> bool:
        told = await troubled.told()
        found, fired = names(told, None), {one["alertname"] for one in told.alerts}
        troubled.last = f"{found} {fired} {told.ready}"
        said = sentences(told, (trouble,), None)
        unready = ready in told.ready if ready else not told.ready
        if not (trouble in found and alert in fired and unready and is_shown(told, said)):
            return False
        verdict = await troubled.verdict(order_id) if order_id else "(of no order)"
        note(title, verdict, " ".join(said), f"{ready}: {told.ready[ready]}" if ready else "ready", alert)
        return True

    try:
        await until(named)
    except AssertionError as late:
        raise AssertionError(f"{title}: last told {troubled.last}") from late


@contextmanager
def _changed(config: Path, text: str) -> Iterator[None]:
    before = config.read_text(encoding="utf-8")
    config.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        config.write_text(before, encoding="utf-8")


@pytest.mark.parametrize(
    ("title", "more"),
    [("configuration refused", "\n[providers\n"), ("adapter missing", '\n[providers.new]\nadapter = "nosuch"\n')],
    ids=["configuration refused", "adapter missing"],
)
async def test_a_configuration_that_cannot_be_used_is_named(troubled: Stage, title: str, more: str) -> None:
    with _changed(troubled.config, troubled.config.read_text(encoding="utf-8") + more):
        await _await(troubled, title, trouble="configuration_refused", alert="SendtoConfigurationRefused")
    await until(lambda: _is_gone(troubled, "configuration_refused"))


async def _is_gone(troubled: Stage, trouble: str) -> bool:
    return trouble not in names(await troubled.told(), None)


async def test_a_frozen_process_that_holds_leases_is_named(troubled: Stage) -> None:
    held = (
        "SELECT l.order_id FROM lane l JOIN replica r ON r.id = l.leased_by WHERE l.provider = 'holding' AND r.pid = $1"
    )

    async def holding() -> bool:
        return bool(await _rows(troubled, held, troubled.run.pids["dispatcher-2"]))

    await until(holding)
    rows = await _rows(troubled, held, troubled.run.pids["dispatcher-2"])
    with troubled.frozen("dispatcher-2"):

        async def named() -> bool:
            return "by a process that was last heard at" in await troubled.verdict(rows[0]["order_id"])

        title = "lease held by a frozen process"
        await _await(
            troubled, title, trouble="process_silent", alert="SendtoProcessSilent", order_id=rows[0]["order_id"]
        )
        await until(named)
        assert "SendtoProcessDown" in {one["alertname"] for one in (await troubled.told()).alerts}
    await until(lambda: _is_gone(troubled, "process_silent"))


async def _rows(troubled: Stage, statement: str, *arguments: object) -> list[dict[str, int]]:
    async with troubled.database.connection() as connection:
        return [dict(row) for row in await connection.fetch(statement, *arguments)]


async def test_a_relay_that_stands_still_is_named(troubled: Stage) -> None:
    with troubled.frozen("relay"):
        made = await troubled.api("POST", "/v3/orders", order(customer=customer()))
        assert made.status == 201
        order_id = int(made.json["order_id"])
        await _await(troubled, "relay stopped", trouble="relay_away", alert="SendtoRelayAway", order_id=order_id)
        assert await troubled.verdict(order_id) == "No event of this order was taken."

    async def arrived() -> bool:
        return "well has the customer" in await troubled.verdict(order_id)

    await until(arrived)
    await until(lambda: _is_gone(troubled, "relay_away"))


async def test_an_outbox_that_grows_is_named(troubled: Stage) -> None:
    """The relay is there, and what it has published cannot be marked: somebody's transaction holds the row."""
    with troubled.frozen("relay"):
        made = await troubled.api("POST", "/v3/orders", order(customer=customer()))
        somebody = await asyncpg.connect(troubled.run.api_database_url)
        await somebody.execute(
            "UPDATE outbox SET occurred_at = occurred_at - interval '1 h' WHERE published_at IS NULL"
        )
        await somebody.execute("BEGIN; SELECT 1 FROM outbox WHERE published_at IS NULL FOR UPDATE")
    assert made.status == 201
    try:
        await _await(troubled, "outbox grows: nothing is marked", trouble="outbox_growing", alert="SendtoOutboxGrowing")
    finally:
        await somebody.close()
    await until(lambda: _is_gone(troubled, "outbox_growing"))


async def test_events_that_left_the_topic_before_they_were_taken_are_named(troubled: Stage) -> None:
    with troubled.frozen("dispatcher"), troubled.frozen("dispatcher-2"):
        places = [await troubled.upstream.raw(b"30900", b"{", []) for _ in range(10)]
        await delete_records(troubled.run.kafka_bootstrap_servers, places[-1])
    await _await(troubled, "events left the topic untaken", trouble="intake_gap", alert="SendtoIntakeGap")


async def test_a_topic_that_is_another_one_is_named(troubled: Stage) -> None:
    await remake_topic(troubled.run.kafka_bootstrap_servers, TopicSettings())
    await put(troubled, "well", 30_901)

    async def arrived() -> bool:
        return "well has the customer" in await troubled.verdict(30_901)

    await until(arrived)
    await _await(troubled, "topic made anew", trouble="position_reset", alert="SendtoPositionReset", order_id=30_901)


async def test_events_that_are_not_taken_are_named(troubled: Stage) -> None:
    async with left_open(troubled.database_url) as somebody:
        await somebody.execute("SELECT 1 FROM intake_position FOR UPDATE")
        for first in range(10_000, 11_300, 100):
            await asyncio.gather(*(troubled.upstream.delete(number, 1) for number in range(first, first + 100)))

        async def named() -> bool:
            told = await troubled.told()
            troubled.last = f"{names(told, None)} {told.alerts}"
            return "intake_lagging" in names(told, None) and "SendtoIntakeLagging" in alerts(told, None)

        await until(named)
        told = await troubled.told()
        note(
            "intake stalled: events wait",
            "(of no order)",
            " ".join(sentences(told, ("intake_lagging",), None)),
            str(dict(told.ready)) if told.ready else "ready",
            "SendtoIntakeLagging",
        )
    await until(lambda: _is_gone(troubled, "intake_lagging"))


async def test_kafka_away_is_named(troubled: Stage) -> None:
    with troubled.frozen("kafka"):
        await _await(
            troubled, "Kafka away", trouble="not_ready_intake", alert="SendtoNotReady", ready="intake", order_id=400
        )
    await until(lambda: _is_gone(troubled, "not_ready_intake"))


async def test_the_database_away_is_named(troubled: Stage) -> None:
    await troubled.proxy.cut()
    try:

        async def named() -> bool:
            overview = await troubled.ops("GET", "/ops/overview")
            ready = (await troubled.ops("GET", "/readyz")).json["checks"]
            fired = {(one["alertname"], one.get("check")) for one in await troubled.prometheus.firing()}
            return overview.status == 503 and ready["database"] != "ok" and ("SendtoNotReady", "database") in fired

        await until(named)
        overview, story = await troubled.ops("GET", "/ops/overview"), await troubled.ops("GET", "/ops/orders/400")
        ready = (await troubled.ops("GET", "/readyz")).json["checks"]["database"]
        page = await troubled.ops.with_token(None)(
            "GET", "/", headers={"cookie": f"sendto_ops={troubled.run.ops_token}"}
        )
        assert story.status == overview.status == page.status == 503
        assert "database is away" in page.content.decode()
        note("database away", story.json["detail"], overview.json["detail"], f"database: {ready}", "SendtoNotReady")
    finally:
        await troubled.proxy.mend()

    async def well() -> bool:
        return (await troubled.ops("GET", "/readyz")).status == 200

    await until(well)


async def test_a_broken_plugin_and_a_configuration_of_its_own_are_named(troubled: Stage, tmp_path: Path) -> None:
    config, port = tmp_path / "odd.toml", free_port()
    unlicensed = {"adapter": "unlicensed", "config": {}}
    config.write_text(configuration(troubled.faces, theirs=unlicensed), encoding="utf-8")
    env = dict(troubled.env) | {
        "SENDTO_CONFIG": str(config),
        "SENDTO_DISPATCHER__DATABASE_URL": troubled.database_url,
        "SENDTO_KAFKA__BOOTSTRAP_SERVERS": troubled.run.kafka_bootstrap_servers,
        "SENDTO_DISPATCHER__PORT": str(port),
    }
    odd = Service("dispatcher", env, f"http://127.0.0.1:{port}", tmp_path / "odd.log")
    starting = asyncio.create_task(odd.start())  # it does not become ready
    add_target(troubled.folder / "prometheus", "sendto-relay", [f"127.0.0.1:{port}"])
    try:

        async def named() -> bool:
            told = await troubled.told()
            found = {one["name"] for one in told.troubles}
            fired = {one["alertname"] for one in told.alerts}
            troubled.last = f"{found} {fired} {odd.log.read_text()[-500:]}"
            return {"provider_broken", "not_ready_providers", "configuration_differs"} <= found and {
                "SendtoProviderBroken",
                "SendtoNotReady",
                "SendtoConfigurationDiffers",
            } <= fired

        try:
            await until(named)
        except AssertionError as late:
            raise AssertionError(f"last told {troubled.last}") from late
        told = await troubled.told()
        for title, name, alert in (
            ("plugin broken", "provider_broken", "SendtoProviderBroken"),
            ("configurations differ", "configuration_differs", "SendtoConfigurationDiffers"),
        ):
            [sentence] = [one["sentence"] for one in told.troubles if one["name"] == name]
            note(title, "(of no order)", sentence, "providers: broken adapter of theirs", alert)
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        if odd.is_running:
            await odd.end()


async def test_a_database_that_has_lost_commits_is_named(troubled: Stage) -> None:
    """Last, as it puts all lanes in doubt."""
    await troubled.execute("UPDATE intake_position SET next_offset = 0 WHERE next_offset > 0")
    for number in range(20_000, 20_024):
        await troubled.upstream.delete(number, 1)
    await _await(
        troubled, "database behind its committed offsets", trouble="database_behind", alert="SendtoDatabaseBehind"
    )
