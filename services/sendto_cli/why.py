"""The story of an order as text. Pure."""

from collections.abc import Iterator
from typing import Any

from sendto_cli.times import to_millisecond, to_second

Json = dict[str, Any]


def tell(story: Json) -> str:
    """The whole story, the verdict first.

    Args:
        story: `order` (what the API holds, or None), `waiting` (its events in the outbox), `dispatcher` (the ops API's
            story).
    """
    return "\n".join(_lines(story))


def _lines(story: Json) -> Iterator[str]:
    told = story["dispatcher"]
    yield f"Order {told['order_id']}"
    yield from (f"  {line}" for line in _verdict(story))
    yield from _section("Waiting in the outbox", story["waiting"], _waiting)
    yield from _section("Known state", told["sources"], _source)
    yield from _section("Rules", list(_rules(told["sources"])), _rule)
    yield from _section("Lanes", told["lanes"], _lane)
    yield from _section("Attempts", told["attempts"], _attempt)
    yield from _section("Events", told["events"], _event)
    yield from _section("Rejected", told["rejected"], _rejected)


def _verdict(story: Json) -> Iterator[str]:
    waiting = story["waiting"]
    if waiting:
        waits, them = ("waits", "it") if len(waiting) == 1 else ("wait", "them")
        yield (
            f"{len(waiting)} of its events {waits} in the outbox, since {to_second(waiting[0]['occurred_at'])}: "
            f"the relay has not published {them} yet."
        )
    elif story["order"] and not story["dispatcher"]["sources"]:
        yield "The API holds the order; it has no customer, or its event is still on the topic."
    yield from story["dispatcher"]["verdict"]


def _section(title: str, rows: list[Json], line: Any) -> Iterator[str]:  # noqa: ANN401 - a function of one row
    if rows:
        yield title
        yield from (f"  {line(row)}" for row in rows)


def _waiting(row: Json) -> str:
    return f"{to_millisecond(row['occurred_at'])}  {row['type']}  version {row['version']}"


def _source(row: Json) -> str:
    state = "customer present" if row["present"] else "no customer"
    to = ", ".join(row["providers"]) or "nowhere"
    return f"{row['source']}  version {_version(row)}  {state}  route: {row['route']} → {to}"


def _rules(sources: list[Json]) -> Iterator[Json]:
    """The rules that were looked at for each source, up to the one that matches."""
    for source in sources:
        for rule in source["rules"]:
            yield rule | {"source": source["source"]}
            if not rule["missed"]:
                break


def _rule(row: Json) -> str:
    missed = "; ".join(
        f"{one['condition']} is {one['has'] or 'unknown'}, not {' or '.join(one['wanted'])}" for one in row["missed"]
    )
    return f"rule {row['number']} → {', '.join(row['to'])}  {missed or 'matches'}  {row['source']}"


def _lane(row: Json) -> str:
    wanted = "present" if row["desired_present"] else "absent"
    held = "present" if row["applied_present"] else "absent"
    doubt = "  in doubt" if row["in_doubt"] else ""
    upcoming = f"  next at {to_second(row['next_at'])}" if row["next_at"] else ""
    sides = f"wanted {wanted} {row['desired_version'] or '-'}, known {held} {row['applied_version'] or '-'}"
    return f"{row['provider']}  {row['state']}  reference {row['reference']}  {sides}{doubt}{upcoming}"


def _attempt(row: Json) -> str:
    reason = f" ({row['reason']})" if row["reason"] else ""
    detail = f": {row['detail']}" if row["detail"] else ""
    return (
        f"{to_millisecond(row['started_at'])}  {row['provider']}  {row['operation']}  version {_version(row)}  "
        f"{row['outcome']}{reason}{detail}  {row['duration_ms']:.0f} ms"
    )


def _event(row: Json) -> str:
    place = f"{row['topic']}/{row['partition']}@{row['offset']}"
    what = f"{row['type']}  version {_version(row)}  {row['verdict']}"
    return f"{to_millisecond(row['taken_at'])}  {what}  {place}  {row['source']}"


def _rejected(row: Json) -> str:
    place = f"{row['topic']}/{row['partition']}@{row['offset']}"
    return f"{to_millisecond(row['rejected_at'])}  {row['reason']}: {row['detail']}  {place}"


def _version(row: Json) -> str:
    return str(row["version"]) if row["version"] is not None else "-"
