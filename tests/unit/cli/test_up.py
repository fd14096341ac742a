"""The decisions of `sendto up`, and the files of its home."""

import hashlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from infra.servers import free_port

from sendto_cli.errors import CommandFailed
from sendto_cli.home import chosen_home, is_in_use, read_run
from sendto_cli.up import files, jars, leftovers, plan
from sendto_cli.up.errors import UpFailed
from sendto_cli.up.processes import restart_pause_s


def test_a_part_that_dies_once_is_back_at_once_and_one_that_keeps_dying_waits_longer_each_time() -> None:
    pauses = [restart_pause_s(deaths) for deaths in range(20)]

    assert pauses[:5] == [0, 0, 0.2, 0.4, 0.8]
    assert pauses == sorted(pauses)
    assert max(pauses) == 15


def test_dispatchers_are_named_from_the_second_on() -> None:
    assert plan.dispatcher_names(1) == ["dispatcher"]
    assert plan.dispatcher_names(3) == ["dispatcher", "dispatcher-2", "dispatcher-3"]


def test_the_port_base_is_the_api_s_and_the_next_ones_follow() -> None:
    base = free_port()
    while not all(plan.is_free(base + more) for more in range(3)):
        base = free_port()

    ports = plan.choose_ports(base, 2, {})

    assert (ports["api"], ports["dispatcher"], ports["sandbox"]) == (base, base + 1, base + 2)
    assert set(ports) == {"api", "relay", "sandbox", "kafka", "controller", "postgres", "dispatcher", "dispatcher-2"}
    assert len(set(ports.values())) == len(ports)


def test_free_ports_are_those_of_the_last_time_where_they_are_free_still() -> None:
    first = plan.choose_ports(0, 1, {})

    with socket.create_server((plan.HOST, first["api"])):
        again = plan.choose_ports(0, 1, first)

    assert again["api"] != first["api"]
    assert {name: port for name, port in again.items() if name != "api"} == {
        name: port for name, port in first.items() if name != "api"
    }


def test_a_port_that_was_asked_for_and_is_taken_is_told() -> None:
    with socket.create_server((plan.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UpFailed, match=f"port {port} "):
            plan.choose_ports(port, 1, {})


@pytest.mark.parametrize(
    ("sections", "needs"),
    [
        ({}, True),
        ({"api": {"database_url": "x"}}, True),
        ({"api": {"database_url": "x"}, "dispatcher": {"database_url": "y"}}, False),
    ],
)
def test_postgresql_is_ours_unless_both_databases_are_elsewhere(sections: dict[str, object], needs: bool) -> None:
    assert plan.Outside.model_validate(sections).needs_postgres is needs


def test_a_home_belongs_to_one_and_is_for_its_user_alone(tmp_path: Path) -> None:
    home = tmp_path / "a" / "home"
    with files.locked(home):
        assert is_in_use(home)
        assert home.stat().st_mode & 0o077 == 0
        with pytest.raises(UpFailed, match="is in use by another"), files.locked(home):
            pass
    assert not is_in_use(home)


def test_a_home_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").touch()

    with pytest.raises(UpFailed, match="cannot be used"), files.locked(tmp_path / "home"):
        pass


def test_secrets_are_made_up_once(tmp_path: Path) -> None:
    first = files.load_secrets(tmp_path)

    assert files.load_secrets(tmp_path) == first
    assert len({first.postgres_password, first.digest_key}) == 2
    (tmp_path / "secrets.json").write_text("{broken")
    with pytest.raises(UpFailed, match="cannot be read"):
        files.load_secrets(tmp_path)


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    files.write(path, "old")
    with path.open() as held:
        files.write(path, "new")
        assert held.read() == "old"

    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o077 == 0
    assert [found.name for found in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize("content", ["{broken", "[]", '{"api": "x"}'])
def test_ports_that_make_no_sense_are_chosen_anew(content: str, tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text(content)

    assert files.read_ports(tmp_path) == {}


def test_nothing_runs_where_nothing_was_started(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="nothing runs in"):
        read_run(tmp_path)


def test_the_home_is_the_named_one_else_the_environment_s_else_hidden_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SENDTO_HOME", raising=False)
    assert chosen_home(None) == tmp_path / ".sendto"
    monkeypatch.setenv("SENDTO_HOME", "/there")
    assert chosen_home(None) == Path("/there")
    assert chosen_home(Path("named")) == tmp_path / "named"


def test_only_what_an_earlier_start_left_is_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    left, another = subprocess.Popen(command), subprocess.Popen(command)
    try:
        leftovers.remember(tmp_path, {"api": left.pid})
        noted = json.loads((tmp_path / "processes.json").read_text())
        # The same number, given to another process since.
        noted.append([another.pid, 1.0])
        (tmp_path / "processes.json").write_text(json.dumps(noted))

        assert leftovers.end(tmp_path) == 1
        assert left.poll() is not None
        assert another.poll() is None
    finally:
        for process in (left, another):
            process.kill()
            process.wait()


def test_every_jar_is_pinned_by_a_hash() -> None:
    locked = jars.locked()

    assert {":".join(jar.coordinates.split(":")[:2]) for jar in locked} >= {"org.apache.kafka:kafka_2.13"}
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in locked)
    assert len({jar.coordinates for jar in locked}) == len(locked)


def test_a_jar_that_was_cut_short_is_not_intact(tmp_path: Path) -> None:
    jar = jars.Jar("org.example:thing:1.0", hashlib.sha256(b"whole").hexdigest())
    path = jar.path(tmp_path)
    assert not jar.is_intact(tmp_path)
    assert path.relative_to(tmp_path) == Path("org/example/thing/1.0/thing-1.0.jar")

    path.parent.mkdir(parents=True)
    path.write_bytes(b"who")
    assert not jar.is_intact(tmp_path)
    path.write_bytes(b"whole")
    assert jar.is_intact(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(UpFailed, match="cannot be written"):
        files.write(tmp_path / "run.json", "{}")
