"""Whether the promise was kept, by the records alone. Pure; knows nothing of the code under test."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from faults.checking.records import Held, Logged, Records, State, Violation, Window, Written

LATE_CALL_FOLLOWED_WITHIN_S = 30.0


def check(records: Records, *, right_within_s: float = 30.0) -> list[Violation]:
    """All promises; what was broken. `right_within_s` bounds how long after a fault's end a state may be wrong."""
    return [
        *wrong_in_the_end(records),
        *doubled(records),
        *remains_of_deleted(records),
        *overtaken(records),
        *without_attempt(records),
        *late_after_fault(records, right_within_s=right_within_s),
    ]


def wrong_in_the_end(records: Records) -> Iterator[Violation]:
    """The provider holds the newest state of every order, and nothing else."""
    held: dict[str, Held] = {one.reference: one for one in records.held}
    newest = _newest_states(records)
    for reference, state in newest.items():
        found = held.get(reference)
        if state is None and found is not None:
            yield Violation("final", reference, f"is deleted, and version {found.version} is held")
        elif state is not None and found is None:
            yield Violation("final", reference, "is missing")
        elif state is not None and found is not None and (wrong := _differing(state, found.state)):
            yield Violation("final", reference, f"holds version {found.version}, wrong in {', '.join(wrong)}")
    for reference in held.keys() - newest.keys():
        yield Violation("final", reference, "was never written")


def doubled(records: Records) -> Iterator[Violation]:
    """No order has two objects, in the end or at any time."""
    for reference, number in Counter(one.reference for one in records.held).items():
        if number > 1:
            yield Violation("doubled", reference, f"has {number} objects")
    objects: Counter[str] = Counter()
    for entry in records.log:
        if entry.effect == "created":
            objects[entry.reference] += 1
            if objects[entry.reference] > 1:
                yield Violation("doubled", entry.reference, f"version {entry.version} made another object")
        elif entry.effect == "deleted":
            objects[entry.reference] = 0


def remains_of_deleted(records: Records) -> Iterator[Violation]:
    """Of a customer who was deleted no object holds anything, under whatever reference."""
    newest = _newest_states(records)
    gone = {
        str(one.state["email"]): one.reference
        for one in records.written
        if one.state is not None and one.state.get("email") and newest.get(one.reference) is None
    }
    for one in records.held:
        reference = gone.get(str(one.state.get("email")))
        if reference is not None:
            yield Violation("remains", reference, f"is deleted, and an object {one.reference} holds its customer")


def overtaken(records: Records) -> Iterator[Violation]:
    """No older state is applied after a newer one, but where a window allows it and the newest follows soon."""
    written = _written_by_reference(records)
    for reference, entries in _applied_by_reference(records.log).items():
        highest = 0
        for entry in entries:
            version = entry.version or 0
            if version >= highest:
                highest = version
            elif not _is_allowed(entry, records.windows):
                yield Violation("overtaken", reference, f"version {version} was applied after {highest}")
            elif not _right_within(entries, written[reference], highest, entry.at_s, LATE_CALL_FOLLOWED_WITHIN_S):
                yield Violation("overtaken", reference, f"version {version} came late and {highest} did not follow")


def without_attempt(records: Records) -> Iterator[Violation]:
    """The history knows of every request, but for the time that a restore took away."""
    lost = [window.lost_s for window in records.windows if window.lost_s is not None]
    tried: Counter[tuple[str, int | None]] = Counter()
    for attempt in records.attempts:
        tried[attempt.reference, attempt.generation] += max(1, attempt.requests)
    for entry in records.log:
        if entry.is_request and not any(begin <= entry.at_s <= end for begin, end in lost):
            tried[entry.reference, entry.generation] -= 1
    for (reference, generation), left in tried.items():
        if left < 0:
            yield Violation("history", reference, f"{-left} requests of generation {generation} have no attempt")


def late_after_fault(records: Records, *, right_within_s: float) -> Iterator[Violation]:
    """Some time after a fault, everything that was written before its end is right, unless another has begun."""
    by_reference = _applied_by_reference(records.log)
    for window in _quiet_after(records.windows, right_within_s):
        deadline_s = window.ready_s + right_within_s
        for reference, writes in _written_by_reference(records).items():
            due = max((w for w in writes if w.at_s <= window.ready_s), key=lambda w: w.version, default=None)
            entries = by_reference.get(reference, [])
            if (
                due is not None
                and not _right_at(entries, writes, due.version, deadline_s)
                and not _holds_truth(records, entries, reference, deadline_s)
            ):
                detail = f"version {due.version} was not there {right_within_s:.0f} s after {window.kind}"
                yield Violation("late", reference, detail)


def _newest_states(records: Records) -> dict[str, State | None]:
    newest: dict[str, Written] = {}
    for one in records.written:
        known = newest.get(one.reference)
        if known is None or one.version > known.version:
            newest[one.reference] = one
    states = {reference: one.state for reference, one in newest.items()}
    return states | dict(records.truth or {})


def _differing(wanted: State, found: State) -> list[str]:
    return [name for name, value in wanted.items() if found.get(name) != value]


def _applied_by_reference(log: Sequence[Logged]) -> dict[str, list[Logged]]:
    entries: dict[str, list[Logged]] = defaultdict(list)
    for entry in log:
        if entry.applied:
            entries[entry.reference].append(entry)
    return entries


def _written_by_reference(records: Records) -> dict[str, list[Written]]:
    written: dict[str, list[Written]] = defaultdict(list)
    for one in records.written:
        written[one.reference].append(one)
    return written


def _is_allowed(entry: Logged, windows: Sequence[Window]) -> bool:
    return any(
        window.late
        and entry.caller in window.late.callers
        and window.late.since_s <= entry.at_s <= window.ready_s + LATE_CALL_FOLLOWED_WITHIN_S
        for window in windows
    )


def _right_within(
    entries: Sequence[Logged], writes: Sequence[Written], version: int, since_s: float, within_s: float
) -> bool:
    """Whether the provider held that version, or a newer one, at some moment of the time."""
    moments = [one.at_s for one in entries if since_s <= one.at_s <= since_s + within_s]
    return any(_right_at(entries, writes, version, at_s) for at_s in (*moments, since_s + within_s))


def _quiet_after(windows: Sequence[Window], quiet_s: float) -> Iterator[Window]:
    """Windows after which no other fault began for so long."""
    ordered = sorted(windows, key=lambda window: window.begin_s)
    for one, following in pairwise(ordered):
        if following.begin_s > one.ready_s + quiet_s:
            yield one
    if ordered:
        yield ordered[-1]


def _right_at(entries: Sequence[Logged], writes: Sequence[Written], version: int, at_s: float) -> bool:
    """Whether the provider held that version, or a newer one, at a moment.

    What holds nothing already needs no call for a deletion.
    """
    last = _last_before(entries, at_s)
    if last is None or last.effect == "deleted":
        return any(one.state is None and one.version >= version and one.at_s <= at_s for one in writes)
    return (last.version or 0) >= version


def _holds_truth(records: Records, entries: Sequence[Logged], reference: str, at_s: float) -> bool:
    """Whether it held what is the truth after a restore, in which later writes were lost."""
    if reference not in (records.truth or {}):
        return False
    last, truth = _last_before(entries, at_s), (records.truth or {})[reference]
    if last is None or last.state is None:
        return truth is None
    return truth is not None and not _differing(truth, last.state)


def _last_before(entries: Sequence[Logged], at_s: float) -> Logged | None:
    place = bisect_right(entries, at_s, key=lambda entry: entry.at_s)
    return entries[place - 1] if place else None
