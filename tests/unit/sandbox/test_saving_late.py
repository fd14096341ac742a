"""A sandbox that applies later what it answers now."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from sendto_sandbox.store import Store, Write


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def _write(method: str, version: int, reference: str = "7") -> Write:
    return Write(method=method, reference=reference, version=version, state={"first_name": str(version)})


def _put_off(store: Store, write: Write, until: float, *, accept_duplicates: bool = False) -> None:
    store.put_off(write, until=until, status=200, accept_duplicates=accept_duplicates)


def test_what_is_put_off_is_applied_when_its_time_has_come(store: Store) -> None:
    _put_off(store, _write("PUT", 1), 10.0)

    assert store.waits("7")
    assert not store.waits("8")
    assert store.apply_late(9.0) == 10.0
    assert store.get("7") is None
    assert store.apply_late(10.0) is None
    assert (store.get("7") or {})["version"] == 1
    assert not store.waits("7")
    assert [entry["effect"] for entry in store.log(0, 10)] == ["later", "created"]


def test_writes_of_one_reference_keep_their_order(store: Store) -> None:
    _put_off(store, _write("PUT", 1), 10.0)
    _put_off(store, _write("PUT", 2), 5.0)
    _put_off(store, _write("PUT", 3, "8"), 5.0)

    assert store.apply_late(5.0) == 10.0
    assert store.get("7") is None
    assert store.get("8") is not None
    store.apply_late(10.0)
    assert (store.get("7") or {})["version"] == 2


@pytest.mark.parametrize(("accepts", "objects"), [(False, 1), (True, 2)])
def test_a_create_that_is_repeated_meanwhile_doubles_only_where_that_is_accepted(
    store: Store, accepts: bool, objects: int
) -> None:
    for _ in range(2):
        _put_off(store, _write("POST", 1), 1.0, accept_duplicates=accepts)

    store.apply_late(1.0)

    assert store.count() == objects


def test_the_log_tells_by_which_address_it_was_called(store: Store) -> None:
    write = Write(method="PUT", reference="7", state={}, host="127.0.1.1:80")
    store.apply(write, accept_duplicates=False, fault="none", status=None)

    assert [entry["host"] for entry in store.log(0, 1)] == ["127.0.1.1:80"]


def test_a_file_of_an_earlier_release_is_taken_over(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "sandbox.sqlite") as old:
        old.execute(
            "CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, method TEXT NOT NULL,"
            " reference TEXT NOT NULL, version INTEGER, generation INTEGER, idempotency_key TEXT, fault TEXT NOT NULL,"
            " status INTEGER, effect TEXT NOT NULL, object_id INTEGER, state TEXT)"
        )
        old.execute("CREATE TABLE late (id INTEGER PRIMARY KEY, apply_at REAL NOT NULL, request TEXT NOT NULL)")
        old.execute('INSERT INTO late (apply_at, request) VALUES (1, \'{"method": "DELETE", "reference": "7"}\')')
    old.close()
    store = Store(tmp_path)
    store.apply_late(2.0)

    assert [entry["method"] for entry in store.log(0, 10)] == ["DELETE"]
    store.close()
