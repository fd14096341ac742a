"""The topics: made when they are missing, never changed when they are there."""

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from sendto.runtime.kafka import client_options
from sendto.runtime.settings import KafkaSettings, TopicSettings


async def create_topics(kafka: KafkaSettings, topics: TopicSettings) -> list[str]:
    """Make the topics of the settings; those that another one has made meanwhile count as there.

    Returns:
        The names of those that were missing.

    Raises:
        KafkaError: the brokers cannot be reached, or refuse.
    """
    admin = AIOKafkaAdminClient(**client_options(kafka, client_id="sendto-topics"))
    try:
        await admin.start()
        known = set(await admin.list_topics())
        missing = [name for name in (topics.events, topics.dead_letters, topics.deliveries) if name not in known]
        if missing:
            answer = await admin.create_topics([_topic(name, topics) for name in missing])
            _check(answer.topic_errors)
    finally:
        await admin.close()
    return missing


def _topic(name: str, topics: TopicSettings) -> NewTopic:
    retention = {"retention.ms": str(topics.retention_s * 1000), "cleanup.policy": "delete"}
    return NewTopic(name, topics.partitions, topics.replication_factor, topic_configs=retention)


def _check(answers: list[tuple[object, ...]]) -> None:
    for name, code, *detail in answers:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise KafkaError(f"{name}: {error.__name__} {detail[0] if detail else ''}".strip())
