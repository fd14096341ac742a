"""A configured provider as the engine uses it: its adapter, its connections, its limits."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

from pydantic import BaseModel, ValidationError

from sendto.kernel.backoff import Backoff
from sendto.kernel.secret_settings import NOT_HERE
from sendto.runtime.secrets import SecretMissing, resolved
from sendto.runtime.settings import describe
from sendto.sdk import Adapter, BatchAdapter, Capabilities, FetchingAdapter, Idempotency, Operation, discovery
from sendto.sdk.configuration import secrets_of, written_out
from sendto_dispatcher.domain.pace import Bucket
from sendto_dispatcher.domain.plan import Confirm, LookUp, NothingToDo, Rest, Send, Step
from sendto_dispatcher.domain.settle import Policy
from sendto_dispatcher.engine.transport import Transport
from sendto_dispatcher.settings import RATE, EngineSettings, ProviderSettings

_RATE = re.compile(RATE)
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
_PACE = 0.97
"""of a rate limit is used: a provider counts requests as they arrive, and the way there is not always equally long"""


class ProviderUnusable(Exception):  # noqa: N818 - named for what happened
    """A configured provider cannot be served: its settings, or its adapter, are no good. The text says why."""


class ProviderBroken(ProviderUnusable):
    """Its plugin is broken, or is not installed here: that is its own provider's trouble, and no other's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One configured provider."""

    name: str
    adapter: Adapter
    remake: Callable[[], Adapter]
    """makes the same adapter anew, for rehearsals"""
    transport: Transport
    concurrency: int
    timeout_s: float
    lease_s: float
    check_timeout_s: float
    bucket: Bucket | None
    policy: Policy
    shadow: bool = False
    """nothing is sent: what would be is translated and recorded"""
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """of its configuration, so that they can be masked wherever something is shown"""
    takes_batches: bool = field(init=False)
    """whether several commands may go in one call; found out once, because asking a protocol takes long"""

    def __post_init__(self) -> None:
        """Look at the adapter."""
        object.__setattr__(self, "takes_batches", isinstance(self.adapter, BatchAdapter))

    @property
    def capabilities(self) -> Capabilities:
        """What the provider can do."""
        return self.adapter.capabilities

    @property
    def batch(self) -> int:
        """The most commands in one call."""
        return self.capabilities.batch if self.takes_batches else 1

    def batch_of(self, operation: Operation) -> int:
        """The most commands of one operation in one call."""
        return self.capabilities.batch_of(operation) if self.takes_batches else 1

    @property
    def keeps_bodies(self) -> bool:
        """Whether lanes keep what a create sends until its outcome is known."""
        return self.capabilities.idempotency is Idempotency.REQUEST_KEY and not self.shadow

    @property
    def requests_each(self) -> int:
        """The most requests that one attempt may make."""
        return requests_each(self.capabilities)

    def requests_of(self, step: Step) -> int:
        """The most requests that this step of an attempt may make."""
        match step:
            case Send(operation):
                return self.capabilities.requests_of(operation)
            case Confirm():
                return 1
            case LookUp() | NothingToDo() | Rest():
                return self.requests_each
            case _:
                assert_never(step)


def requests_each(capabilities: Capabilities) -> int:
    """The most requests that an attempt may make, a look-up before it included."""
    look_up = 1 if capabilities.idempotency is Idempotency.LOOKUP else 0
    return look_up + max(capabilities.requests_of(operation) for operation in Operation)


def lease_s(timeout_s: float, capabilities: Capabilities, margin_s: float) -> float:
    """How long a lease lasts: longer than an attempt's deadline, its look-up and a whole batch included, by the margin.

    Whoever takes a lane over looks up what its last attempt made, so what was sent at the deadline must show by then.
    """
    return timeout_s + capabilities.lookup_lag_s + margin_s


def load_adapter(name: str) -> type[Adapter]:
    """The class behind one entry point.

    Raises:
        ProviderBroken: there is none of this name, it cannot be imported, or was made for another interface.
    """
    try:
        return discovery.load_adapter(name)
    except discovery.AdapterUnusable as unusable:
        raise ProviderBroken(str(unusable)) from unusable


def build_provider(name: str, settings: ProviderSettings, engine: EngineSettings, base: Path) -> Provider:
    """Make a provider from its configuration; secrets in files are found relative to `base`.

    Raises:
        ProviderUnusable: it cannot be served; the text names the setting, never a value.
        ProviderBroken: the same, and its plugin is at fault.
    """
    remake, secrets = _adapter_of(name, settings, base)
    adapter = remake()
    _check(settings.adapter, adapter)
    timeout_s = settings.limits.timeout_s
    return Provider(
        name=name,
        adapter=adapter,
        remake=remake,
        transport=Transport(
            timeout_s=timeout_s,
            max_body_bytes=engine.max_response_bytes,
            allow_private=getattr(adapter, "allow_private", True),
        ),
        concurrency=settings.limits.concurrency,
        timeout_s=timeout_s,
        lease_s=lease_s(timeout_s, adapter.capabilities, engine.lease_margin_s),
        check_timeout_s=min(timeout_s, engine.lease_margin_s / 2),
        bucket=None if settings.shadow else _bucket(settings, adapter.capabilities),
        policy=Policy(
            backoff=Backoff(base_s=settings.retry.base_s, cap_s=settings.retry.cap_s),
            give_up_after_s=settings.retry.give_up_after_s,
            capabilities=adapter.capabilities,
            confirm_after_s=engine.confirm_after_s,
        ),
        shadow=settings.shadow,
        secrets=secrets,
    )


def _adapter_of(name: str, settings: ProviderSettings, base: Path) -> tuple[Callable[[], Adapter], frozenset[str]]:
    """What makes the adapter, and the secrets of its configuration."""
    adapter_class = load_adapter(settings.adapter)
    config = _read_config(name, settings, adapter_class.Config, base)

    def make() -> Adapter:
        try:
            return adapter_class(config)  # type: ignore[call-arg]  # the protocol leaves constructors to the classes
        except Exception as error:  # a plugin's constructor can raise anything
            raise ProviderBroken(f"adapter {settings.adapter!r} cannot be made: {type(error).__name__}") from error

    return make, frozenset(secret for secret in secrets_of(config) if secret)


def _check(name: str, adapter: Adapter) -> None:
    """Look at what the wiring relies on; the rest is the conformance kit's."""
    capabilities = getattr(adapter, "capabilities", None)
    if not isinstance(capabilities, Capabilities):
        raise ProviderBroken(f"adapter {name!r} does not say its capabilities")
    if capabilities.rate is not None and not _RATE.fullmatch(capabilities.rate):
        raise ProviderBroken(f"adapter {name!r} names a rate that is none: n/s, n/min or n/h")
    if capabilities.has_fetch and not isinstance(adapter, FetchingAdapter):
        raise ProviderBroken(f"adapter {name!r} says that it has `fetch`, and has none")


def _read_config(name: str, settings: ProviderSettings, model: type[BaseModel], base: Path) -> BaseModel:
    where = f"[providers.{name}.config]"
    if written := written_out(model, settings.config):
        raise ProviderUnusable("; ".join(f"{where} {key}: {NOT_HERE}" for key in written))
    try:
        config = model.model_validate(resolved(settings.config, base))
    except ValidationError as error:
        raise ProviderUnusable(f"{where} {describe(error)}") from None
    except SecretMissing as missing:
        raise ProviderUnusable(f"{where} {missing}") from None
    except Exception as error:  # noqa: BLE001 - a plugin's validators can raise anything, with values in it
        raise ProviderBroken(f"adapter {settings.adapter!r} cannot read its settings: {type(error).__name__}") from None
    if written := written_out(model, settings.config, made=config):
        raise ProviderUnusable("; ".join(f"{where} {key}: {NOT_HERE}" for key in written))
    return config


def _bucket(settings: ProviderSettings, capabilities: Capabilities) -> Bucket | None:
    rate = settings.limits.rate or capabilities.rate
    if rate is None:
        return None
    number, unit = rate.split("/")
    burst = max(settings.limits.burst or 0, requests_each(capabilities))
    return Bucket(rate_per_s=_PACE * int(number) / _SECONDS[unit], burst=float(burst))


def config_digest(*parts: str) -> str:
    """A short digest of a configuration, to compare replicas by."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
