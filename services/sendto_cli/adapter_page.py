"""The page of an adapter, made from what it says about itself. Pure; an adapter's own words come from its metadata."""

import asyncio
import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from sendto.events.customer import Address, Customer, OrderSnapshot
from sendto.sdk import Adapter, Capabilities, Command, Documentation, HttpRequest, Idempotency, Operation, RemoteRef
from sendto.sdk.rehearsal import FROM_ANSWER, rehearse

_SHOWN_HEADERS = frozenset({"content-type", "accept", "idempotency-key", "webhook-id"})
_WHEN = datetime(2024, 10, 10, 15, 42, 8, tzinfo=UTC)
_CUSTOMER = Customer(
    first_name="John",
    last_name="Turcotte",
    email="john_turcotte@example.com",
    mobile_number="07777777777",
    mobile_e164="+447777777777",
    created_at=_WHEN,
    updated_at=_WHEN,
)
_ORDER = OrderSnapshot(
    order_type="delivery",
    location_id=1,
    status_id=1,
    order_date_time=datetime(2024, 10, 11, 13, 13, tzinfo=UTC),
    comment="",
    payment="cod",
    total_items=3,
    order_total=15.0449,
    currency="GBP",
    address=Address(address_1="221B Baker Street", city="London", postcode="NW1 6XE", country="GB"),
)
_EVENTS = {
    Operation.CREATE: "`customer.created`: the provider does not hold it yet",
    Operation.UPDATE: "`customer.updated`: the provider holds an older state",
    Operation.DELETE: "`customer.deleted`, or the order goes to another provider now",
}
_IDEMPOTENCY = {
    Idempotency.NATURAL_KEY: "our reference is the object's key there: a create may be repeated",
    Idempotency.REQUEST_KEY: "the provider remembers a request's key: the same create may be repeated for a time",
    Idempotency.LOOKUP: "after a lost answer the object is looked up by our reference before anything is sent again",
    Idempotency.NONE: "a create whose answer was lost may have arrived, and nothing tells: it waits for a person",
}
_CORE_ERRORS = {
    "`http_429`": "the provider asks to slow down; the order waits and spends no attempt",
    "`http_401`, `http_403`": "`check` decides: either this order is refused, or the provider is held and probed",
    "`http_408`, `http_5xx`, `timeout`, `connection_lost`": "tried again with growing pauses; what became of a create "
    "that could double is found out first",
    "`connect_failed`, `name_not_resolved`, `private_address`": "nothing was sent; tried again with growing pauses",
    "`http_3xx`": "no redirect is followed; tried again, and counted as the provider's failure",
    "other `http_4xx`": "refused for good; a newer state of the order is tried again",
}


class Undocumented(Exception):  # noqa: N818 - named for what happened
    """An adapter does not say enough about itself."""


def place(adapter_class: type[Adapter]) -> Path:
    """Where the page is kept: beside the adapter."""
    return Path(inspect.getfile(adapter_class)).with_name("README.md")


def guide() -> str:
    """How to write an adapter."""
    return (resources.files("sendto.sdk") / "README.md").read_text(encoding="utf-8")


def page(adapter_class: type[Adapter]) -> str:
    """The adapter's page in Markdown.

    Raises:
        Undocumented: it says nothing about itself, or its example does not work.
    """
    told: Documentation | None = getattr(adapter_class, "documentation", None)
    if told is None:
        raise Undocumented(f"the adapter {adapter_class.name} has no `documentation` (sendto.sdk.Documentation)")
    try:
        config = adapter_class.Config.model_validate(told.configuration())
    except ValidationError as error:
        raise Undocumented(f"the example of {adapter_class.name}'s documentation is no good: {error}") from None

    def make() -> Adapter:
        return adapter_class(config)  # type: ignore[call-arg]  # the protocol leaves constructors open

    return "\n".join(_lines(make, told)) + "\n"


def _lines(make: Callable[[], Adapter], told: Documentation) -> Iterator[str]:
    adapter = make()
    yield f"# {told.title}"
    yield ""
    yield "This page is made by `sendto adapter docs`; the words are in the adapter."
    yield ""
    yield told.summary
    yield from ("", "## Configuration", "", "```toml")
    yield from _example(adapter.name, told)
    yield from ("```", "", "| setting | | |", "|---|---|---|")
    yield from (_setting(name, field) for name, field in adapter.Config.model_fields.items())
    yield from ("", "A secret is given as `env:NAME` or `file:PATH`, never as itself; any other text may be.")
    yield from ("", "## What is sent")
    yield from _requests(make, told.remote)
    yield from ("", "## What it can do", "")
    yield from _abilities(adapter.capabilities)
    yield from ("", "## Errors", "", "| reason | what it means, and what happens |", "|---|---|")
    yield from (f"| {_code(code)} | {meaning} |" for code, meaning in told.errors.items())
    yield from (f"| {code} | {meaning} |" for code, meaning in _CORE_ERRORS.items() if not _says_more(code, told))
    if told.notes or told.specification:
        yield from ("", "## Notes", "")
        yield from (f"- {note}" for note in told.notes)
        if told.specification:
            yield f"- The provider's own documentation: {told.specification}"


def _says_more(code: str, told: Documentation) -> bool:
    """Whether the adapter's own words stand for this entry of the core's."""
    return any(code.split(maxsplit=1)[-1] in own for own in told.errors)


def _code(code: str) -> str:
    return code if "`" in code else f"`{code}`"


def _example(name: str, told: Documentation) -> Iterator[str]:
    yield f"[providers.{name}]"
    yield f'adapter = "{name}"'
    yield f"[providers.{name}.config]"
    yield from _toml(told.example, f"providers.{name}.config")


def _toml(tree: Mapping[str, Any], path: str) -> Iterator[str]:
    tables = {key: value for key, value in tree.items() if isinstance(value, Mapping)}
    yield from (f"{key} = {json.dumps(value)}" for key, value in tree.items() if key not in tables)
    for key, value in tables.items():
        yield f"[{path}.{key}]"
        yield from _toml(value, f"{path}.{key}")


def _setting(name: str, field: FieldInfo) -> str:
    default = "required" if field.is_required() else f"default {_default(field)}"
    description = " ".join((field.description or "").split())
    return f"| `{name}` | {default} | {description} |"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    return "a secret" if isinstance(value, SecretStr) else f"`{json.dumps(value, default=str)}`"


def _requests(make: Callable[[], Adapter], remote: str) -> Iterator[str]:
    can = make().capabilities
    for operation in Operation:
        yield from ("", f"### {operation}", "", f"{_EVENTS[operation]}.", "")
        if operation is Operation.UPDATE and not (can.supports_update or can.upsert):
            yield "Nothing: the provider cannot change what it holds."
        elif operation is Operation.DELETE and not can.supports_delete:
            yield "Nothing: the provider keeps what it holds."
        else:
            yield from _sequences(make, operation, remote, can.requests_of(operation))


def _sequences(make: Callable[[], Adapter], operation: Operation, remote: str, most: int) -> Iterator[str]:
    """Every request of an operation, with the provider's id and, where that is another way, without it."""
    known = _rehearsed(make, _command(operation, remote))
    unknown = known if most == 1 else _rehearsed(make, replace(_command(operation, remote), remote=None))
    yield from _sequence(known)
    if unknown != known:
        yield from ("", "Where the provider's id is not known:", "", *_sequence(unknown))
    shown = [*known, *unknown]
    if any(FROM_ANSWER in request.url + request.body.decode(errors="replace") for request in shown):
        yield from ("", f"`{FROM_ANSWER}` is what the answer before brings.")
    if most > max(len(known), len(unknown)):
        yield from ("", f"It takes up to {most} requests where the provider holds something else than it is known to.")


def _rehearsed(make: Callable[[], Adapter], command: Command) -> list[HttpRequest]:
    """The requests, those headers masked that are never shown: they may hold the time."""
    requests = asyncio.run(rehearse(make, command)).requests
    return [
        replace(
            one, headers={name: value if name.lower() in _SHOWN_HEADERS else "…" for name, value in one.headers.items()}
        )
        for one in requests
    ]


def _sequence(requests: Sequence[HttpRequest]) -> Iterator[str]:
    for number, request in enumerate(requests):
        yield from ("", "then", "") if number else ()
        yield from ("```http", *_request(request), "```")


def _request(request: HttpRequest) -> Iterator[str]:
    yield f"{request.method} {request.url}"
    yield from (f"{name}: {value}" for name, value in request.headers.items())
    if request.body:
        yield ""
        try:
            yield from json.dumps(json.loads(request.body), indent=2, ensure_ascii=False).splitlines()
        except ValueError:
            yield request.body.decode(errors="replace")


def _command(operation: Operation, remote: str) -> Command:
    gone = operation is Operation.DELETE
    return Command(
        operation=operation,
        reference="51342",
        source="/sendto/api",
        order_id=51342,
        version=1728574928000,
        generation=1728574928000,
        customer=None if gone else _CUSTOMER,
        order=None if gone else _ORDER,
        remote=None if operation is Operation.CREATE else RemoteRef(remote),
        idempotency_key="sendto-1-1728574928000",
        occurred_at=_WHEN,
        attempt=1,
        deadline_s=10.0,
    )


def _abilities(can: Capabilities) -> Iterator[str]:
    yield f"- Repeating: {_IDEMPOTENCY[can.idempotency]}."
    if can.request_key_ttl_s:
        yield f"- A request's key is remembered for {can.request_key_ttl_s:g} s."
    if can.lookup_lag_s:
        yield f"- What was saved may take {can.lookup_lag_s:g} s to be found."
    yield f"- Update: {'yes' if can.supports_update or can.upsert else 'no'}."
    yield f"- Delete: {can.delete_mode if can.supports_delete else 'no'}."
    if not can.reference_reusable:
        yield "- A reference is spent with its object: the next one is `51342-2`."
    if can.carries_source:
        yield "- The source travels with the reference: orders of two sources cannot collide."
    yield f"- Needs: {', '.join(sorted(can.requires)) or 'nothing but a name'}."
    yield f"- Order types: {', '.join(sorted(can.order_types)) or 'all'}."
    yield f"- Rate limit: {can.rate or 'none known'}; requests: {_requests_of(can)}."
    if can.batch > 1:
        taken = ", ".join(sorted(can.batch_operations))
        yield f"- Up to {can.batch} orders in one request ({taken})."
    yield from (f"- `{name}` has at most {most} characters." for name, most in sorted(can.max_lengths.items()))
    yield from (f"- `{name}` cannot be changed later." for name in sorted(can.immutable_fields))
    if can.async_apply:
        yield "- It may accept a state and apply it later; such an order is shown as unconfirmed."
    if can.dispatches_courier:
        yield "- **A create orders a real courier.**"
    yield f"- Audit: {'what it holds can be read back' if can.has_fetch else 'it cannot be asked what it holds'}."


def _requests_of(can: Capabilities) -> str:
    return ", ".join(f"{can.requests_of(operation)} to {operation}" for operation in Operation)
