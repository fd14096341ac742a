"""What an adapter looks like before it is called."""

import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from sendto.sdk.adapter import SUPPORTED_API_VERSIONS, Adapter, BatchAdapter, Capabilities, DeleteMode, FetchingAdapter
from sendto.sdk.commands import Operation
from sendto.sdk.configuration import secrets_of
from sendto.sdk.documentation import Documentation
from sendto.sdk.testing.breach import breach, require
from sendto.sdk.testing.checks import check
from sendto.sdk.testing.stage import Stage

_SECRET = re.compile(r"(^|_)(token|secrets?|password|api_key|key|private_key)$")
_RATE = re.compile(r"[1-9][0-9]*/(s|min|h)")
_HIDDEN = "no-one-may-read-this"


@check()
async def it_is_an_adapter(stage: Stage) -> None:
    """It has a name, a supported api_version, a Config, capabilities and the methods of an adapter."""
    adapter = stage.adapter
    require(isinstance(adapter, Adapter), "it lacks a member of sendto.sdk.Adapter")
    require(re.fullmatch(r"[a-z0-9_-]{1,64}", adapter.name), f"the name {adapter.name!r} is not [a-z0-9_-]{{1,64}}")
    require(
        adapter.api_version in SUPPORTED_API_VERSIONS,
        f"api_version {adapter.api_version} is not among {sorted(SUPPORTED_API_VERSIONS)}",
    )
    require(issubclass(adapter.Config, BaseModel), "Config is no pydantic model")
    require(isinstance(adapter.capabilities, Capabilities), "capabilities are no sendto.sdk.Capabilities")


@check()
async def its_capabilities_agree(stage: Stage) -> None:
    """Its capabilities agree with its methods and with each other."""
    can, adapter = stage.capabilities, stage.adapter
    require((can.batch > 1) == isinstance(adapter, BatchAdapter), "batch is more than 1 exactly with an apply_many")
    require(can.has_fetch == isinstance(adapter, FetchingAdapter), "has_fetch is True exactly with a fetch")
    require(
        can.supports_delete == (can.delete_mode is not DeleteMode.NONE),
        "supports_delete is False exactly with delete_mode NONE",
    )
    require(can.rate is None or _RATE.fullmatch(can.rate), f"rate {can.rate!r} is not n/s, n/min or n/h")
    require(all(can.requests_of(operation) >= 1 for operation in Operation), "an operation has at least one request")
    require(
        can.lookup_lag_s >= 0 and can.request_key_ttl_s >= 0 and can.batch >= 1, "times and numbers are not negative"
    )


@check()
async def its_secrets_are_secret(stage: Stage) -> None:
    """What is secret in its Config is a SecretStr, and a mistake in the configuration is told without its value."""
    for name, value in _texts(stage.config):
        require(
            not _SECRET.search(name) or isinstance(value, SecretStr),
            f"Config.{name} looks like a secret and is no SecretStr",
        )
    good = dict(stage.case.config(stage.provider.url))
    for name in good:
        for wrong in ({"wrong": _HIDDEN}, [{"wrong": _HIDDEN}]):
            try:
                stage.case.adapter.Config.model_validate(good | {name: wrong})
            except ValidationError as error:
                require(
                    _HIDDEN not in str(error),
                    f"the error of a wrong {name} shows its value: set hide_input_in_errors (AdapterConfig has it)",
                )


@check()
async def unknown_settings_are_refused(stage: Stage) -> None:
    """A setting that it does not know is an error, so that a typing mistake does not pass in silence."""
    good = dict(stage.case.config(stage.provider.url))
    try:
        stage.case.adapter.Config.model_validate(good | {"no_such_setting": "x"})
    except ValidationError:
        return
    breach('Config takes a setting that it does not know: set extra="forbid" (AdapterConfig has it)')


@check(lambda case, _: hasattr(case.adapter, "documentation"))
async def its_example_works(stage: Stage) -> None:
    """The example of its documentation is a configuration that it takes, and shows no secret."""
    told = stage.case.adapter.documentation  # type: ignore[attr-defined]  # an adapter may have it
    require(isinstance(told, Documentation), "documentation is no sendto.sdk.Documentation")
    try:
        config = stage.case.adapter.Config.model_validate(told.configuration())
    except ValidationError as error:
        breach(f"Config refuses the example: {error}")
    shown = json.dumps(told.example, default=str)
    require(not any(secret and secret in shown for secret in secrets_of(config)), "the example holds a secret as text")


def _texts(config: BaseModel, path: str = "") -> Iterator[tuple[str, Any]]:
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            yield from _texts(value, f"{path}{name}.")
        elif isinstance(value, list):
            yield from ((path + name, inner) for inner in value)
        elif value is not None and not isinstance(value, bool | int | float):
            yield path + name, value
