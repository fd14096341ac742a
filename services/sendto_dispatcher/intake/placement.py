"""Placing newly assigned partitions: where to read on, by the database's word."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from sendto.runtime.database import Database
from sendto.runtime.logs import logger
from sendto_dispatcher.domain.placement import Known, Placement, place
from sendto_dispatcher.intake import metrics
from sendto_dispatcher.store import positions
from sendto_dispatcher.store.changes import ITSELF, record_change

_log = logger(__name__)


async def place_partitions(
    consumer: AIOKafkaConsumer,
    database: Database,
    cluster_id: str,
    partitions: Iterable[TopicPartition],
    taken: Mapping[TopicPartition, int],
    refused: Collection[TopicPartition] = (),
) -> dict[TopicPartition, Placement]:
    """Seek each partition to where it is to be read on; where that is.

    Args:
        consumer: of the group.
        database: where the positions are.
        cluster_id: of the consumer's cluster.
        partitions: assigned ones.
        taken: offsets up to which this process has taken records, at any time: it proves what a committed offset does,
            also where committing it came too late.
        refused: of the partitions, those whose broker has refused to read on where they were read.

    Raises:
        DatabaseAway: nothing was placed; try again.
    """
    assigned = list(partitions)
    known = await _known(consumer, database, cluster_id, assigned, taken, refused)
    placements = {partition: place(one) for partition, one in known.items()}
    behind = sorted(partition.partition for partition, one in placements.items() if one.behind_until is not None)
    if behind:
        await doubt_all(database, behind)  # first: what is stored next may end the proof that it is needed
    for partition, placement in placements.items():
        await _say(database, partition, placement)
    await _store(database, cluster_id, placements)
    for partition, placement in placements.items():
        consumer.seek(partition, placement.start)
    return placements


async def _known(
    consumer: AIOKafkaConsumer,
    database: Database,
    cluster_id: str,
    partitions: list[TopicPartition],
    taken: Mapping[TopicPartition, int],
    refused: Collection[TopicPartition],
) -> dict[TopicPartition, Known]:
    # What proves a loss first, the positions after it: a batch that is being taken meanwhile raises both.
    proofs = {partition: (await consumer.committed(partition), taken.get(partition)) for partition in partitions}
    begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    stored: dict[TopicPartition, positions.Position] = {}
    async with database.connection() as connection:
        for topic in {partition.topic for partition in partitions}:
            numbers = [partition.partition for partition in partitions if partition.topic == topic]
            rows = await positions.read_positions(connection, topic, numbers)
            stored |= {TopicPartition(topic, number): position for number, position in rows.items()}
    return {
        partition: Known(
            cluster_id=cluster_id,
            begin=begins[partition],
            end=ends[partition],
            committed=proofs[partition][0],
            taken=proofs[partition][1],
            refused=partition in refused,
            stored_cluster_id=stored[partition].cluster_id if partition in stored else None,
            stored=stored[partition].next_offset if partition in stored else None,
        )
        for partition in partitions
    }


async def _store(database: Database, cluster_id: str, placements: dict[TopicPartition, Placement]) -> None:
    async with database.transaction() as connection:
        for reset in (False, True):
            for topic in sorted({partition.topic for partition in placements}):
                offsets = {
                    partition.partition: one.start
                    for partition, one in sorted(placements.items())
                    if partition.topic == topic and one.reset is reset
                }
                await positions.place(connection, topic, cluster_id, offsets, reset=reset)


async def doubt_all(database: Database, partitions: Sequence[int]) -> None:
    """Mark every lane in doubt, some at a time; done only once all are, and then no harm to do again.

    `partitions` are those that prove that it must be done.
    """
    metrics.BEHIND_FOUND.set_to_current_time()
    await _record(database, "database_behind", {"partitions": list(partitions)})
    after_id: int | None = 0
    while after_id is not None:
        async with database.transaction() as connection:
            after_id = await positions.doubt_some_lanes(connection, after_id)


async def _say(database: Database, partition: TopicPartition, placement: Placement) -> None:
    place_of = {"topic": partition.topic, "partition": partition.partition, "start": placement.start}
    if placement.reset:
        metrics.RESET.inc()
        metrics.RESET_FOUND.set_to_current_time()
        _log.error("intake_position_reset", reason="another cluster, or beyond the log's end", **place_of)
        await _record(database, "position_reset", place_of)
    if placement.gap:
        metrics.GAP.inc(placement.gap)
        metrics.GAP_FOUND.set_to_current_time()
        _log.error("intake_gap", records=placement.gap, **place_of)
        await _record(database, "intake_gap", {"records": placement.gap, **place_of})
    if placement.behind_until is not None:
        metrics.BEHIND.inc()
        _log.error("database_behind_committed_offsets", committed=placement.behind_until, **place_of)


async def _record(database: Database, incident: str, target: Mapping[str, object]) -> None:
    """Write it down beside what ops changed, for every process to tell of."""
    async with database.connection() as connection:
        await record_change(connection, ITSELF, incident, target)
