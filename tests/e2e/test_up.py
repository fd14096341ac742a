"""`sendto up`: what it starts, keeps running, survives and stops."""

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest
from infra.command import System, sendto
from infra.postgres import Databases
from infra.servers import free_port

from sendto_cli.home import Run

PARTS = ("postgres", "kafka", "api", "relay", "dispatcher", "dispatcher-2", "sandbox")
_RESTART_S = 30.0


def _seed(system: System, number: int, orders: int = 50) -> str:
    done = sendto("seed", "--orders", orders, "--seed", number, "--home", system.home)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.decode()


def test_the_pids_are_those_of_the_processes_themselves(run: Run) -> None:
    assert set(run.pids) == set(PARTS)
    assert psutil.Process(run.pids["postgres"]).name() == "postgres"
    assert psutil.Process(run.pids["kafka"]).name() == "java"
    for name in PARTS[2:]:
        assert f" {name.split('-')[0]}" in " ".join(psutil.Process(run.pids[name]).cmdline())


def test_what_it_prints_is_enough_to_begin(system: System, run: Run) -> None:
    printed = system.output.read_text()

    lines = re.findall(r"^  (curl .*)$", printed, re.MULTILINE)
    answers = [subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout.decode() for line in lines]

    assert run.token in printed
    assert run.ops_token in printed
    assert len(answers) == 3
    assert int(json.loads(answers[0])["order_id"]) >= 1
    assert answers[1].startswith('{"order_id":1,')
    assert answers[2].startswith('{"data"')


def test_run_json_is_for_its_user_alone(system: System) -> None:
    for name in ("run.json", "secrets.json"):
        assert (system.home / name).stat().st_mode & 0o077 == 0


def test_five_hundred_orders_arrive_as_they_should(system: System) -> None:
    assert "500 of 500 orders are held correctly" in _seed(system, 1, orders=500)


@pytest.mark.parametrize("name", PARTS)
def test_a_killed_part_is_restarted_within_a_second_and_all_goes_on(system: System, run: Run, name: str) -> None:
    old = run.pids[name]
    os.kill(old, signal.SIGKILL)
    killed = monotonic()

    while (now := system.run) is None or now.pids.get(name) in {old, None}:
        assert monotonic() - killed < _RESTART_S
        sleep(0.01)
    system.when_ready()

    assert f"{name} was ended by SIGKILL" in system.output.read_text()
    assert "30 of 30" in _seed(system, 100 + PARTS.index(name), orders=30)


def test_a_killed_supervisor_leaves_a_home_that_the_next_start_takes_over(tmp_path: Path) -> None:
    system = System(tmp_path / "home", "--port-base", "0")
    before = system.start()
    _seed(system, 1)
    system.send(signal.SIGKILL)
    system.wait()
    assert "nothing runs in" in _one_line(sendto("why", 1, "--home", system.home))

    (system.home / "run.json").unlink()
    with system.running():
        after = system.run
        assert after is not None
        assert set(before.pids.values()).isdisjoint(after.pids.values())
        assert not [pid for pid in before.pids.values() if _is_running(pid)]
        assert (after.token, after.kafka_bootstrap_servers) == (before.token, before.kafka_bootstrap_servers)
        assert "50 of 50" in _seed(system, 2)
        reply = sendto("why", 1, "--home", system.home)
        assert b"sandbox has the customer" in reply.stdout

        began = monotonic()
        system.send(signal.SIGINT)
        assert system.wait() == 0
        assert monotonic() - began < 10
        assert not [pid for pid in after.pids.values() if _is_running(pid)]
        assert system.run is None


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _one_line(done: "subprocess.CompletedProcess[bytes]") -> str:
    assert done.returncode == 1
    errors = done.stderr.decode().strip().splitlines()
    assert len(errors) == 1, done.stderr.decode()
    return errors[0]


def test_a_home_in_use_is_one_clear_line(system: System) -> None:
    assert "is in use by another" in _one_line(sendto("up", "--home", system.home, "--port-base", "0"))


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = _one_line(sendto("up", "--home", tmp_path / "home", "--port-base", port))

    assert f"port {port} (for the api) is in use" in line


def test_no_network_is_one_clear_line(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    env = {"HOME": str(tmp_path), "https_proxy": nowhere, "HTTPS_PROXY": nowhere}

    line = _one_line(sendto("up", "--home", tmp_path / "home", "--port-base", "0", env=env))

    assert "cannot be fetched" in line


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_no_disk_space_is_one_clear_line(tmp_path: Path) -> None:
    with _small_disk(tmp_path / "disk") as disk:
        line = _one_line(sendto("up", "--home", disk / "home", "--port-base", "0"))

    assert "no disk space" in line


def test_a_configuration_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    config = tmp_path / "sendto.toml"
    config.write_text('[providers.acme]\nadapter = "webhook"\nconfig = { url = "https://acme.example" }\n')

    done = sendto("up", "--home", tmp_path / "home", "--port-base", "0", "--config", config)

    assert "secrets" in _one_line(done)


def test_a_database_that_cannot_be_migrated_is_one_clear_line(tmp_path: Path, databases: Databases) -> None:
    env = {"SENDTO_API__DATABASE_URL": databases.url("nowhere")}

    done = sendto("up", "--home", tmp_path / "home", "--port-base", "0", env=env)

    assert "the database of the api cannot be migrated" in _one_line(done)
