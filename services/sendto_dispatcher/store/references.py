"""Who owns which reference at a provider. Rules 13, 31 and 32 of the dispatcher's rules.

A lane's reference is owned through a row of its own. Whoever changes an owner holds that row's lock, and whoever
brings a lane to life asks for its row anew, so that of two orders exactly one has the reference.
"""

from collections.abc import Collection, Iterable, Sequence

from sendto.runtime.database import Connection
from sendto_dispatcher.store.taking import Key

Wanted = tuple[Key, str, str]
"""order and source, provider, reference"""

_OWN = """
INSERT INTO lane_reference (provider, reference, source, order_id)
SELECT n.provider, n.reference, n.source, n.order_id
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS n(provider, reference, source, order_id)
ORDER BY n.provider, n.reference
ON CONFLICT (provider, reference) DO UPDATE SET source = lane_reference.source
RETURNING provider, reference, source, order_id
"""
# An owner that is known absent gives its reference up. Asked by a second statement, while the row is locked: as the
# first one sees it, an owner that has come back in the meantime would still be absent.
_TAKE_OVER = """
UPDATE lane_reference r SET source = n.source, order_id = n.order_id
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS n(provider, reference, source, order_id)
WHERE r.provider = n.provider AND r.reference = n.reference AND EXISTS (
    SELECT 1 FROM lane owner
    WHERE owner.order_id = r.order_id AND owner.source = r.source AND owner.provider = r.provider
        AND NOT owner.desired_present AND NOT owner.applied_present AND NOT owner.in_doubt
        AND owner.lease_token IS NULL)
RETURNING r.provider, r.reference
"""
REFERENCE_TAKEN = ("reference_taken", "the reference belongs to an order of another source")
"""why such a lane rests: code and detail"""
_MARK = """
UPDATE lane SET resting = CASE WHEN NOT k.owned THEN 'taken' END,
    due_at = CASE WHEN k.owned THEN clock_timestamp() END,
    reason = CASE WHEN NOT k.owned THEN $5 END,
    detail = CASE WHEN NOT k.owned THEN $6 END
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bool[]) AS k(order_id, source, provider, owned)
WHERE lane.order_id = k.order_id AND lane.source = k.source AND lane.provider = k.provider
    AND (lane.resting = 'taken' OR NOT k.owned)
"""


async def own(connection: Connection, wanted: Iterable[Wanted]) -> set[Wanted]:
    """Own the references, each for the first order that wants it; those that are owned now."""
    first: dict[tuple[str, str], Wanted] = {}
    for one in wanted:
        _, provider, reference = one
        first.setdefault((provider, reference), one)
    if not first:
        return set()
    owners = {
        (row["provider"], row["reference"]): (row["order_id"], row["source"])
        for row in await connection.fetch(_OWN, *_columns(list(first.values())))
    }
    owned = {one for place, one in first.items() if owners[place] == one[0]}
    others = [one for one in first.values() if one not in owned]
    if others:
        rows = await connection.fetch(_TAKE_OVER, *_columns(others))
        owned |= {first[row["provider"], row["reference"]] for row in rows}
    return owned


async def own_references(connection: Connection, wanted: Sequence[Wanted], carrying: Collection[str]) -> list[Wanted]:
    """Own the references of lanes that come to life; a lane whose reference is another's rests as `taken`.

    At the providers in `carrying` the source travels with the reference: nothing can be taken there.

    Returns:
        Those that belong to others.
    """
    if not wanted:
        return []
    owned = await own(connection, (one for one in wanted if one[1] not in carrying))
    await connection.execute(
        _MARK,
        [order_id for (order_id, _), _, _ in wanted],
        [source for (_, source), _, _ in wanted],
        [provider for _, provider, _ in wanted],
        [one in owned or one[1] in carrying for one in wanted],
        *REFERENCE_TAKEN,
    )
    return [one for one in wanted if one not in owned and one[1] not in carrying]


def _columns(wanted: Sequence[Wanted]) -> tuple[list[str], list[str], list[str], list[int]]:
    return (
        [provider for _, provider, _ in wanted],
        [reference for _, _, reference in wanted],
        [source for (_, source), _, _ in wanted],
        [order_id for (order_id, _), _, _ in wanted],
    )
