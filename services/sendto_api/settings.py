"""Settings of the API and of its relay."""

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sendto.runtime.settings import (
    DatabaseSettings,
    HttpSettings,
    KafkaSettings,
    LogSettings,
    PositiveSeconds,
    TelemetrySettings,
    TopicSettings,
)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("is not a time zone of the IANA database") from None
    return name


class SiteSection(BaseModel):
    """What of [api] says where in the world the site is."""

    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    """the site's: times without an offset are in it"""
    default_region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "GB"
    """region of phone numbers without a country code"""


class SiteSettings(BaseModel):
    """The configuration, as far as it says where in the world the site is."""

    api: SiteSection = SiteSection()


class ApiSection(SiteSection, DatabaseSettings, HttpSettings):
    """[api]."""

    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    connect_timeout_s: PositiveSeconds = 2.0
    default_currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "GBP"
    """of orders that name none"""
    max_body_bytes: Annotated[int, Field(ge=1_024)] = 65_536
    rate_limit: Annotated[str, Field(pattern=r"^[1-9][0-9]*/(s|min|h)$")] | None = None
    """requests of one token, of each process; None: unlimited"""
    token_cache_s: Annotated[float, Field(ge=0, le=60)] = 2.0
    """how long a token that was looked up is taken as it was"""
    total_keep_s: Annotated[float, Field(ge=0, le=3_600)] = 10.0
    """how long the number of orders that a list has is kept once it is 10,000 or more; below it is always counted"""
    idempotency_keep_s: Annotated[int, Field(ge=60)] = 86_400
    """how long answers are kept for repeated requests"""


class RelaySection(HttpSettings):
    """[relay]."""

    port: Annotated[int, Field(ge=0, le=65_535)] = 8083
    batch_events: Annotated[int, Field(ge=1, le=10_000)] = 500
    poll_interval_s: PositiveSeconds = 1.0
    """the safety net under NOTIFY"""
    retry_pause_s: PositiveSeconds = 0.5
    """while Kafka or the database is away"""
    keep_published_s: Annotated[int, Field(ge=60)] = 7 * 86_400
    """how long events stay in the outbox after they were published"""


class ApiSettings(BaseModel):
    """Everything that the API and the relay read from the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    log: LogSettings = LogSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    kafka: KafkaSettings = KafkaSettings()
    topics: TopicSettings = TopicSettings()
    api: ApiSection
    relay: RelaySection = RelaySection()
