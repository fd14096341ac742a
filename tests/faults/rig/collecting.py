"""Reading the records from where they were written: the sandbox's log and state, the history of attempts."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from faults.checking.records import Attempted, Held, Logged, Records, State, Window, Written
from faults.rig.configuration import PREFIX, UPSTREAM
from infra.serving import Caller

_PAGE = 1_000
_ATTEMPTS = "SELECT source, order_id, generation, requests FROM attempt WHERE provider = $1"
_UNSETTLED = "SELECT count(*) FROM lane WHERE due_at IS NOT NULL AND resting IS NULL"


class Log:
    """A sandbox's log, read on from where the last reading ended."""

    def __init__(self, sandbox: Caller) -> None:
        self._sandbox = sandbox
        self._after = 0
        self.entries: list[Logged] = []

    async def read(self) -> Sequence[Logged]:
        """Everything that it holds by now."""
        while True:
            page = (await self._sandbox("GET", f"/v1/log?after={self._after}&limit={_PAGE}")).json["data"]
            if not page:
                return self.entries
            self.entries += [_logged(entry) for entry in page]
            self._after = page[-1]["id"]


async def read_held(sandbox: Caller) -> list[Held]:
    """What a sandbox holds."""
    held: list[Held] = []
    cursor = 0
    while True:
        page = (await sandbox("GET", f"/v1/recipients?cursor={cursor}&limit={_PAGE}")).json["data"]
        if not page:
            return held
        held += [Held(reference=one["reference"], version=one["version"], state=one) for one in page]
        cursor = page[-1]["id"]


async def read_attempts(dispatch_url: str, provider: str) -> list[Attempted]:
    """The history of attempts."""
    connection = await asyncpg.connect(dispatch_url)
    try:
        rows = await connection.fetch(_ATTEMPTS, provider)
    finally:
        await connection.close()
    return [
        Attempted(
            reference=reference_of(row["source"], row["order_id"]),
            generation=row["generation"],
            requests=row["requests"],
        )
        for row in rows
    ]


async def attempts_of(dispatch_url: str, operation: str) -> int:
    """How many attempts of an operation the history knows."""
    connection = await asyncpg.connect(dispatch_url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM attempt WHERE operation = $1", operation))
    finally:
        await connection.close()


async def leased(dispatch_url: str) -> int:
    """Lanes that somebody holds."""
    connection = await asyncpg.connect(dispatch_url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM lane WHERE lease_token IS NOT NULL"))
    finally:
        await connection.close()


async def connections_called(url: str, name: str) -> int:
    """How many connections of the server are called so."""
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", name))
    finally:
        await connection.close()


async def unsettled(dispatch_url: str) -> int:
    """Lanes that wait for something."""
    connection = await asyncpg.connect(dispatch_url)
    try:
        return int(await connection.fetchval(_UNSETTLED))
    finally:
        await connection.close()


async def collect(
    sandbox: Caller,
    log: Log,
    dispatch_url: str,
    provider: str,
    written: Sequence[Written],
    windows: Sequence[Window] = (),
    *,
    truth: Mapping[str, State | None] | None = None,
) -> Records:
    """Everything that is known of one provider now."""
    return Records(
        written=list(written),
        log=list(await log.read()),
        held=await read_held(sandbox),
        attempts=await read_attempts(dispatch_url, provider),
        windows=list(windows),
        truth=truth,
    )


def reference_of(source: str, order_id: int) -> str:
    """What the providers call an order."""
    return f"{PREFIX}{order_id}" if source == UPSTREAM else str(order_id)


def _logged(entry: dict[str, Any]) -> Logged:
    return Logged(
        at_s=entry["at"],
        reference=entry["reference"],
        version=entry["version"],
        generation=entry["generation"],
        effect=entry["effect"],
        state=entry["state"],
        is_request=entry["fault"] != "saved_late",
        caller=(entry["host"] or "").split(":")[0],
    )
