"""The dispatcher's settings: its own sections, and the providers and routes that ops configure."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from sendto.events.customer import PROVIDER_NAME
from sendto.runtime.settings import (
    DatabaseSettings,
    HttpSettings,
    KafkaSettings,
    LogSettings,
    PositiveSeconds,
    Section,
    TelemetrySettings,
    TopicSettings,
)

ProviderKey = Annotated[str, Field(pattern=PROVIDER_NAME)]
PositiveInt = Annotated[int, Field(ge=1)]
RelayUrls = Annotated[str, Field(pattern=r"^https?://[^/?#@,\s]+(,https?://[^/?#@,\s]+)*$")]
RATE = r"^[1-9][0-9]*/(s|min|h)$"
Rate = Annotated[str, Field(pattern=RATE)]


_SETTLE_S = 0.2
"""what the statements of a settle may take"""


class IntakeSettings(Section):
    """[dispatcher.intake]: reading the topic."""

    group_id: str = "sendto-dispatcher"
    batch_records: PositiveInt = 2_000
    """the most records in one transaction"""
    poll_timeout_s: PositiveSeconds = 0.2
    session_timeout_s: PositiveSeconds = 6.0
    """without a heartbeat for so long, a process's partitions go to others; brokers allow no less unless told to"""
    max_poll_interval_s: PositiveSeconds = 300.0
    """without a look at the topic for so long, a process's partitions go to others"""
    max_event_bytes: PositiveInt = 65_536
    """key, value and headers together; a larger event is rejected"""
    default_region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "GB"
    """region of phone numbers without a country code"""
    retry_pause_s: PositiveSeconds = 0.5
    """between tries while the database is away"""
    loss_check_timeout_s: PositiveSeconds = 30.0
    """how long claims wait for Kafka to tell whether a database that came back has lost commits"""


class EngineSettings(Section):
    """[dispatcher.engine]: claiming, attempting, settling."""

    claim_lanes: PositiveInt = 250
    """the most lanes in one claim"""
    settle_lanes: PositiveInt = 250
    """the most outcomes in one settle"""
    settle_linger_s: Annotated[float, Field(ge=0, le=1)] = 0.003
    """how long an outcome waits for others to be settled with it"""
    poll_interval_s: PositiveSeconds = 1.0
    """the safety net under wake-ups"""
    give_way_s: Annotated[float, Field(ge=0, le=60)] = 5.0
    """how long claims wait at a time for an intake that catches up; then they have as long for themselves"""
    lease_margin_s: PositiveSeconds = 5.0
    """a lease lasts as long as a provider's timeout, and the time until a look-up can see what was sent, and this"""
    probe_interval_s: PositiveSeconds = 4.0
    """between probes of a provider that is held or whose breaker is open"""
    breaker_window: PositiveInt = 20
    """finished attempts that the breaker looks at"""
    breaker_window_s: PositiveSeconds = 30.0
    """none of them older than this"""
    breaker_lanes: PositiveInt = 5
    """distinct lanes that must have failed among them"""
    recovery_spread_s: PositiveSeconds = 10.0
    """over which waiting lanes become due when a provider comes back"""
    retry_after_cap_s: PositiveSeconds = 900.0
    """the longest that a provider's Retry-After may hold back all its lanes"""
    confirm_after_s: PositiveSeconds = 5.0
    """how long after a provider has accepted a state it is asked whether it shows it"""
    max_response_bytes: PositiveInt = 1_048_576
    drain_s: PositiveSeconds = 8.0
    """how long attempts in flight may take to finish at a stop"""

    @model_validator(mode="after")
    def _leases_outlast_attempts(self) -> Self:
        least_s = 2 * (self.settle_linger_s + _SETTLE_S)
        if self.lease_margin_s < least_s:
            raise ValueError(
                f"lease_margin_s is {self.lease_margin_s:g}: after an attempt's deadline a check and the settle need "
                f"{least_s:g} s of the lease (twice settle_linger_s and {_SETTLE_S:g} s)"
            )
        return self


class RetentionSettings(Section):
    """[dispatcher.retention]: how long history and orders are kept."""

    attempts_s: PositiveInt = 30 * 86_400
    events_s: PositiveInt = 30 * 86_400
    delivery_events_s: PositiveInt = 7 * 86_400
    """since they were published"""
    rejected_events_s: PositiveInt = 30 * 86_400
    """with their bytes; only those that are on the dead-letter topic"""
    order_states_s: PositiveInt = 90 * 86_400
    """customers, since the last change of each order; only those that every provider has or will never take"""

    @model_validator(mode="after")
    def _nothing_older_comes_back(self) -> Self:
        if self.order_states_s < self.rejected_events_s:
            raise ValueError(
                f"order_states_s is {self.order_states_s}, less than rejected_events_s: a rejected event that is taken"
                " again would bring an older customer back"
            )
        return self


class DispatcherSection(DatabaseSettings, HttpSettings):
    """[dispatcher]."""

    port: Annotated[int, Field(ge=0, le=65_535)] = 8081
    digest_key: SecretStr | None = None
    """keys the digests of what was sent; without one each process makes its own, and a restart forgets them"""
    heartbeat_s: PositiveSeconds = 5.0
    config_poll_s: PositiveSeconds = 1.0
    """how often the configuration's files are looked at for changes"""
    ops_statement_timeout_s: PositiveSeconds = 10.0
    """for one statement of the ops API, the console and the metrics, which have connections of their own"""
    delivery_events: bool = False
    """publish what became of each order on the deliveries topic"""
    relay_urls: RelayUrls | None = None
    """where the relays answer, several separated by commas, so that the console tells of them and of the outbox"""
    intake: IntakeSettings = IntakeSettings()
    engine: EngineSettings = EngineSettings()
    retention: RetentionSettings = RetentionSettings()

    @model_validator(mode="after")
    def _waits_fit_into_each_other(self) -> Self:
        if self.ops_statement_timeout_s > self.statement_timeout_s:
            raise ValueError(
                "ops_statement_timeout_s is greater than statement_timeout_s: looking must not take longer"
            )
        longest_s = self.connect_timeout_s + self.statement_timeout_s
        if self.intake.max_poll_interval_s <= longest_s:
            raise ValueError(
                f"intake.max_poll_interval_s is {self.intake.max_poll_interval_s:g}: a batch may wait {longest_s:g} s "
                "before it is put back (connect_timeout_s and statement_timeout_s), and the membership would be lost"
            )
        return self


class LimitSettings(Section):
    """[providers.NAME.limits]."""

    concurrency: PositiveInt = 64
    """attempts in flight, each process"""
    rate: Rate | None = None
    """requests of the whole fleet: n/s, n/min, n/h; none: unlimited"""
    burst: PositiveInt | None = None
    """requests that may go out at once; none: as many as one operation may need"""
    timeout_s: PositiveSeconds = 10.0
    """for one attempt, all its requests together"""


class RetrySettings(Section):
    """[providers.NAME.retry]."""

    base_s: PositiveSeconds = 1.0
    cap_s: PositiveSeconds = 600.0
    give_up_after_s: PositiveSeconds = 259_200.0
    """since the first failure of the state that is to be sent"""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.base_s > self.cap_s:
            raise ValueError("base_s is greater than cap_s")
        return self


class ProviderSettings(Section):
    """[providers.NAME]: an outside system and the adapter that speaks to it."""

    adapter: str
    """an entry point in the group `sendto.adapters`"""
    enabled: bool = True
    shadow: bool = False
    """whether nothing is sent: what would be is translated, recorded and shown, until this is taken away"""
    config: dict[str, Any] = Field(default_factory=dict)
    """the adapter's own settings; `env:NAME` and `file:PATH` are read for any secret"""
    limits: LimitSettings = LimitSettings()
    retry: RetrySettings = RetrySettings()


class Condition(Section):
    """[[routes]] when: every condition that is given must hold; a list holds if one of its values does."""

    order_type: list[Literal["delivery", "collection"]] | None = None
    country: list[Annotated[str, Field(pattern=r"^[A-Z]{2}$")]] | None = None
    location_id: list[int] | None = None
    source: list[str] | None = None
    payment: list[str] | None = None


class RouteSettings(Section):
    """[[routes]]: the first that matches names the providers."""

    when: Condition
    to: list[ProviderKey]


class RoutingSettings(Section):
    """[routing]."""

    default: list[ProviderKey] = Field(default_factory=list)
    """where orders go that no rule matches; empty: nowhere, shown as unrouted"""


class SourceSettings(Section):
    """[sources."URI"]."""

    reference_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,32}$")] = ""
    """before the order id in every reference of this source"""


class SourcesSettings(BaseModel):
    """[sources]: who is heard, and how their references are told apart."""

    model_config = {"frozen": True, "extra": "allow", "hide_input_in_errors": True}
    __pydantic_extra__: dict[str, SourceSettings]

    allow: list[str] | None = None
    """the sources that are heard; none: all"""

    @property
    def prefixes(self) -> dict[str, str]:
        """Reference prefixes by source."""
        return {source: known.reference_prefix for source, known in (self.__pydantic_extra__ or {}).items()}

    def heard(self, source: str) -> bool:
        """Whether events of this source are taken."""
        return self.allow is None or source in self.allow


class DispatcherSettings(BaseModel):
    """Everything that the dispatcher reads from the configuration."""

    model_config = {"frozen": True, "extra": "forbid", "hide_input_in_errors": True}

    log: LogSettings = LogSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    kafka: KafkaSettings = KafkaSettings()
    topics: TopicSettings = TopicSettings()
    dispatcher: DispatcherSection
    providers: dict[ProviderKey, ProviderSettings] = {}
    routes: list[RouteSettings] = []
    routing: RoutingSettings = RoutingSettings()
    sources: SourcesSettings = SourcesSettings()

    @model_validator(mode="after")
    def _versions_outlast_events(self) -> Self:
        kept_s, least_s = self.dispatcher.retention.order_states_s, 2 * self.topics.retention_s
        if kept_s < least_s:
            raise ValueError(
                f"[dispatcher.retention] order_states_s is {kept_s}: an order must be known for {least_s} s, as long as"
                " the outbox and then the topic keep events ([topics] retention_s, twice), or older ones would count"
            )
        return self
