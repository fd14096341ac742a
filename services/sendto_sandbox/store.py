"""What the sandbox holds, and its record of every request: SQLite, so that both outlive the process.

Each request is one transaction. With WAL and `synchronous=NORMAL` a killed process loses nothing; a machine that loses
power can lose the last moments, which a sandbox may.
"""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS recipient (
    id INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT NOT NULL, state TEXT NOT NULL, version INTEGER,
    updated_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS recipient_reference ON recipient (reference);
CREATE INDEX IF NOT EXISTS recipient_updated_at ON recipient (updated_at);
CREATE TABLE IF NOT EXISTS log (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, method TEXT NOT NULL, reference TEXT NOT NULL,
    version INTEGER, generation INTEGER, idempotency_key TEXT, fault TEXT NOT NULL, status INTEGER,
    effect TEXT NOT NULL, object_id INTEGER, state TEXT, host TEXT
);
CREATE TABLE IF NOT EXISTS late (
    id INTEGER PRIMARY KEY AUTOINCREMENT, apply_at REAL NOT NULL, request TEXT NOT NULL, reference TEXT,
    accept_duplicates INTEGER NOT NULL DEFAULT 0
);
"""

_ADDED = {
    "log": {"host": "TEXT"},
    "late": {"reference": "TEXT", "accept_duplicates": "INTEGER NOT NULL DEFAULT 0"},
}
"""columns that a file of an earlier release lacks"""

_MEMBERS = ("first_name", "last_name", "email", "phone", "order")


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A write as it came in."""

    method: str
    reference: str
    state: dict[str, Any] | None = None
    version: int | None = None
    generation: int | None = None
    idempotency_key: str | None = None
    host: str | None = None
    """by which address the caller called"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a write did: `created`, `replaced`, `deleted`, or `none`; and the right answer to it."""

    kind: str
    status: int
    object_id: int | None = None


class Store:
    """The sandbox's durable memory. Synchronous: each call takes some microseconds."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(folder / "sandbox.sqlite", isolation_level=None, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)
        self._add_columns()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def apply(self, write: Write, *, accept_duplicates: bool, fault: str, status: int | None) -> Effect:
        """Carry a write out and record it; `status` is the answer that it gets if that is not the right one."""
        with self._transaction():
            effect = self._effect(write, accept_duplicates=accept_duplicates)
            answered = None if fault == "lose_answer" else status or effect.status
            self._record(write, fault, answered, effect.kind, effect.object_id)
            return effect

    def record_only(self, write: Write, *, fault: str, status: int | None) -> None:
        """Record a write that took no effect."""
        with self._transaction():
            self._record(write, fault, status, "none", None)

    def put_off(self, write: Write, *, until: float, status: int | None, accept_duplicates: bool) -> None:
        """Record a write that is applied later, and not before what waits for the same reference already."""
        request = {name: getattr(write, name) for name in Write.__slots__}
        before = self._database.execute("SELECT max(apply_at) FROM late WHERE reference = ?", (write.reference,))
        apply_at = max(until, before.fetchone()[0] or until)
        with self._transaction():
            self._record(write, "save_late", status, "later", None)
            self._database.execute(
                "INSERT INTO late (apply_at, reference, request, accept_duplicates) VALUES (?, ?, ?, ?)",
                (apply_at, write.reference, json.dumps(request), accept_duplicates),
            )

    def waits(self, reference: str) -> bool:
        """Whether something is to be applied later to this reference."""
        found = self._database.execute("SELECT 1 FROM late WHERE reference = ? LIMIT 1", (reference,))
        return found.fetchone() is not None

    def apply_late(self, now: float) -> float | None:
        """Apply what is due by now; when the next one is, or None."""
        for row in self._database.execute("SELECT * FROM late WHERE apply_at <= ? ORDER BY id", (now,)).fetchall():
            write = Write(**json.loads(row["request"]))
            with self._transaction():
                self._database.execute("DELETE FROM late WHERE id = ?", (row["id"],))
                effect = self._effect(write, accept_duplicates=bool(row["accept_duplicates"]))
                self._record(write, "saved_late", None, effect.kind, effect.object_id)
        (upcoming,) = self._database.execute("SELECT min(apply_at) FROM late").fetchone()
        return None if upcoming is None else float(upcoming)

    def get(self, key: str) -> dict[str, Any] | None:
        """The object with this reference, or with this id where the key is `id:N`."""
        column, value = ("id", key.removeprefix("id:")) if key.startswith("id:") else ("reference", key)
        row = self._database.execute(f"SELECT * FROM recipient WHERE {column} = ? ORDER BY id", (value,)).fetchone()
        return _recipient(row) if row else None

    def page(self, after: int, limit: int) -> list[dict[str, Any]]:
        """Objects in the order of their ids."""
        rows = self._database.execute("SELECT * FROM recipient WHERE id > ? ORDER BY id LIMIT ?", (after, limit))
        return [_recipient(row) for row in rows]

    def newest(self, limit: int) -> list[dict[str, Any]]:
        """The objects that were changed last."""
        rows = self._database.execute("SELECT * FROM recipient ORDER BY updated_at DESC, id DESC LIMIT ?", (limit,))
        return [_recipient(row) for row in rows]

    def count(self) -> int:
        """How many objects there are."""
        return int(self._database.execute("SELECT count(*) FROM recipient").fetchone()[0])

    def log(self, after: int, limit: int) -> list[dict[str, Any]]:
        """The record of requests, in order, from the one after `after`."""
        rows = self._database.execute("SELECT * FROM log WHERE id > ? ORDER BY id LIMIT ?", (after, limit))
        return [_log_entry(row) for row in rows]

    def last_log(self, limit: int) -> list[dict[str, Any]]:
        """The last requests, newest first."""
        rows = self._database.execute("SELECT * FROM log ORDER BY id DESC LIMIT ?", (limit,))
        return [_log_entry(row) for row in rows]

    def _effect(self, write: Write, *, accept_duplicates: bool) -> Effect:
        known = self._database.execute(
            "SELECT id FROM recipient WHERE reference = ? ORDER BY id", (write.reference,)
        ).fetchone()
        match write.method:
            case "DELETE" if known is None:
                return Effect(kind="none", status=404)
            case "DELETE":
                self._database.execute("DELETE FROM recipient WHERE reference = ?", (write.reference,))
                return Effect(kind="deleted", status=200, object_id=known["id"])
            case "POST" if known is not None and not accept_duplicates:
                return Effect(kind="none", status=409, object_id=known["id"])
            case "PUT" if known is not None:
                self._database.execute(
                    "UPDATE recipient SET state = ?, version = ?, updated_at = ? WHERE id = ?",
                    (json.dumps(write.state), write.version, time.time(), known["id"]),
                )
                return Effect(kind="replaced", status=200, object_id=known["id"])
            case _:
                made = self._database.execute(
                    "INSERT INTO recipient (reference, state, version, updated_at) VALUES (?, ?, ?, ?)",
                    (write.reference, json.dumps(write.state), write.version, time.time()),
                )
                return Effect(kind="created", status=201, object_id=made.lastrowid)

    def _record(self, write: Write, fault: str, status: int | None, effect: str, object_id: int | None) -> None:
        self._database.execute(
            "INSERT INTO log (at, method, reference, version, generation, idempotency_key, fault, status, effect,"
            " object_id, state, host) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                time.time(),
                write.method,
                write.reference,
                write.version,
                write.generation,
                write.idempotency_key,
                fault,
                status,
                effect,
                object_id,
                json.dumps(write.state) if write.state is not None else None,
                write.host,
            ),
        )

    def _add_columns(self) -> None:
        for table, columns in _ADDED.items():
            known = {row["name"] for row in self._database.execute(f"PRAGMA table_info({table})")}
            for name in columns.keys() - known:
                self._database.execute(f"ALTER TABLE {table} ADD COLUMN {name} {columns[name]}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


def recipient_state(body: dict[str, Any]) -> dict[str, Any]:
    """The members of a recipient that are kept."""
    return {name: body.get(name) for name in _MEMBERS}


def _recipient(row: sqlite3.Row) -> dict[str, Any]:
    head = {"id": row["id"], "reference": row["reference"], "version": row["version"], "updated_at": row["updated_at"]}
    state: dict[str, Any] = json.loads(row["state"])
    return head | state


def _log_entry(row: sqlite3.Row) -> dict[str, Any]:
    entry = dict(row)
    entry["state"] = json.loads(entry["state"]) if entry["state"] else None
    return entry
