"""The configuration of a system under test: small margins, so that what takes minutes elsewhere takes seconds here."""

from dataclasses import dataclass

from infra.secret_settings import source_of

from sendto.runtime.settings import TopicSettings

UPSTREAM = "/shop/upstream"
PREFIX = "U-"
"""before the references of the upstream system's orders"""


@dataclass(frozen=True, kw_only=True)
class ProviderShape:
    """A sandbox and how its adapter speaks to it.

    In `upsert` mode a repeated create is harmless. In `lookup` mode the sandbox makes a second object of it, so that
    the dispatcher must look before it creates again.
    """

    name: str
    mode: str = "upsert"
    rate: str | None = "2000/s"
    concurrency: int = 16
    timeout_s: float = 2.0
    lookup_lag_s: float = 0.0
    limit_per_s: float | None = None
    """requests that the sandbox itself takes; more get 429"""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How large a system is and how it is set."""

    dispatchers: int = 2
    apis: int = 1
    relays: int = 1
    providers: tuple[ProviderShape, ...] = (
        ProviderShape(name="upsert"),
        ProviderShape(name="lookup", mode="lookup"),
    )
    routed_by_name: bool = False
    """each event names its provider; else every order goes to all"""
    retry_cap_s: float = 1.0
    lease_margin_s: float = 1.0
    max_poll_interval_s: float = 10.0
    batch_records: int = 50
    claim_lanes: int = 20
    probe_interval_s: float = 0.5
    recovery_spread_s: float = 1.0
    engine: str = ""
    """further lines of [dispatcher.engine]"""


def toml(shape: Shape, *, bootstrap_servers: str, topics: TopicSettings, api_url: str, dispatch_url: str) -> str:
    """The file that every process of the system reads."""
    default = [] if shape.routed_by_name else [provider.name for provider in shape.providers]
    providers = "\n".join(_provider(provider, shape) for provider in shape.providers)
    return f"""
[log]
format = "json"
[kafka]
bootstrap_servers = "{bootstrap_servers}"
request_timeout_s = 2
[topics]
events = "{topics.events}"
dead_letters = "{topics.dead_letters}"
deliveries = "{topics.deliveries}"
[api]
database_url = "{source_of(api_url)}"
idle_transaction_timeout_s = 2
[relay]
batch_events = 50
poll_interval_s = 0.2
retry_pause_s = 0.2
[dispatcher]
database_url = "{source_of(dispatch_url)}"
digest_key = "{source_of("for tests")}"
connect_timeout_s = 2
statement_timeout_s = 7
ops_statement_timeout_s = 5
idle_transaction_timeout_s = 2
heartbeat_s = 1
[dispatcher.intake]
group_id = "{topics.events}"
session_timeout_s = 2
max_poll_interval_s = {shape.max_poll_interval_s}
batch_records = {shape.batch_records}
poll_timeout_s = 0.05
retry_pause_s = 0.2
[dispatcher.engine]
claim_lanes = {shape.claim_lanes}
lease_margin_s = {shape.lease_margin_s}
poll_interval_s = 0.2
probe_interval_s = {shape.probe_interval_s}
recovery_spread_s = {shape.recovery_spread_s}
retry_after_cap_s = 5
{shape.engine}
{providers}
[routing]
default = {default}
[sources."{UPSTREAM}"]
reference_prefix = "{PREFIX}"
"""


def _provider(provider: ProviderShape, shape: Shape) -> str:
    rate = f'rate = "{provider.rate}"' if provider.rate else ""
    lag = f"lookup_lag_s = {provider.lookup_lag_s}" if provider.lookup_lag_s else ""
    return f"""
[providers.{provider.name}]
adapter = "sandbox"
[providers.{provider.name}.config]
url = "env:FAULTS_{provider.name.upper()}_URL"
mode = "{provider.mode}"
{lag}
[providers.{provider.name}.limits]
concurrency = {provider.concurrency}
timeout_s = {provider.timeout_s}
{rate}
[providers.{provider.name}.retry]
base_s = 0.1
cap_s = {shape.retry_cap_s}
"""
