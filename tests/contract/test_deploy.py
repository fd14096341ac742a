"""The files in `deploy` keep to their formats and fit the code.

`compose-spec.json` is the JSON Schema of the Compose Specification, unchanged, as it comes with its Go library
compose-spec/compose-go v2.16.2: copyright 2020 The Compose Specification Authors, under the Apache License 2.0 (the
text in LICENSE).
"""

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest
import typer.main
import yaml
from infra.servers import KAFKA_IMAGE, POSTGRES_IMAGE
from pydantic import BaseModel
from typer.core import TyperGroup

from sendto.runtime.settings import CONFIG_VARIABLE, DatabaseSettings, HttpSettings, load
from sendto_api.settings import ApiSettings
from sendto_cli.main import build
from sendto_dispatcher.configuration import build_providers
from sendto_dispatcher.settings import DispatcherSettings
from sendto_sandbox.settings import SandboxSettings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
HADOLINT = Path(sys.executable).with_name("hadolint")
LOCAL = "127.0.0.1"
DEFAULTED_VARIABLE = re.compile(r"\$\{\w+:-([^}]*)\}")


class Process(NamedTuple):
    """One of our services: the settings that it loads, and the section that says where it listens."""

    root: type[BaseModel]
    section: str


PROCESSES = {
    "api": Process(ApiSettings, "api"),
    "relay": Process(ApiSettings, "relay"),
    "dispatcher": Process(DispatcherSettings, "dispatcher"),
    "sandbox": Process(SandboxSettings, "sandbox"),
}


def _compose() -> Any:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(DEFAULTED_VARIABLE.sub(r"\1", text))


COMPOSE = _compose()
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "command" in service}


def _mounts(service: dict[str, Any]) -> dict[str, str]:
    """What is mounted where: source by target."""
    pairs = [mount.split(":")[:2] for mount in service.get("volumes", [])]
    return {target: source for source, target in pairs}


def _settings(name: str) -> Any:
    """The settings of a service, as its container would read them."""
    environment = SERVICES[name]["environment"]
    config = DEPLOY / _mounts(SERVICES[name])[environment[CONFIG_VARIABLE]]
    return load(PROCESSES[name].root, config, environment)


def test_the_compose_file_keeps_to_the_compose_specification() -> None:
    schema = json.loads(Path(__file__).with_name("compose-spec.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(COMPOSE)


def test_every_process_of_the_system_is_composed() -> None:
    assert {service["command"][0] for service in OURS.values()} == {"migrate", *PROCESSES}


@pytest.mark.parametrize("name", OURS)
def test_every_composed_command_is_one_of_ours_with_arguments_that_it_takes(name: str) -> None:
    commands = typer.main.get_command(build())
    assert isinstance(commands, TyperGroup)
    command, *arguments = OURS[name]["command"]
    assert commands.commands[command].make_context(command, arguments)


@pytest.mark.parametrize("name", SERVICES)
def test_what_runs_on_is_watched_by_a_health_check(name: str) -> None:
    assert ("healthcheck" in SERVICES[name]) == (SERVICES[name]["restart"] != "no")


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_reached_from_this_machine_only(name: str) -> None:
    assert all(port.startswith(f"{LOCAL}:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", PROCESSES)
def test_a_service_listens_where_its_port_and_its_health_check_look(name: str) -> None:
    listens: HttpSettings = getattr(_settings(name), PROCESSES[name].section)
    assert listens.host == "0.0.0.0"  # noqa: S104 - of its container
    assert SERVICES[name]["ports"] == [f"{LOCAL}:{listens.port}:{listens.port}"]
    assert f"http://{LOCAL}:{listens.port}/readyz" in SERVICES[name]["healthcheck"]["test"][-1]


@pytest.mark.parametrize(("name", "owner"), [("api", "orders"), ("relay", "orders"), ("dispatcher", "dispatch")])
def test_a_service_uses_a_database_that_the_script_makes(name: str, owner: str) -> None:
    section = "api" if name == "relay" else name
    uses: DatabaseSettings = getattr(_settings(name), section)
    script = (DEPLOY / "postgres" / "databases.sql").read_text(encoding="utf-8")
    assert f"CREATE DATABASE {owner} OWNER {owner};" in script
    assert uses.database_url.get_secret_value() == f"postgresql://{owner}:{owner}@postgres:5432/{owner}"


def test_the_script_reads_the_passwords_that_the_server_is_given() -> None:
    script = (DEPLOY / "postgres" / "databases.sql").read_text(encoding="utf-8")
    given = SERVICES["postgres"]["environment"]
    assert set(re.findall(r"\\getenv \w+ (\w+)", script)) == given.keys() - {"POSTGRES_PASSWORD"}


def test_the_dispatcher_sends_to_the_composed_sandbox() -> None:
    settings = _settings("dispatcher")
    (provider,) = build_providers(settings, DEPLOY)
    assert settings.routing.default == [provider.name]
    assert settings.providers[provider.name].config["url"] == f"http://sandbox:{_settings('sandbox').sandbox.port}"


def test_the_sandbox_keeps_its_data_on_a_volume() -> None:
    assert _mounts(SERVICES["sandbox"])[str(_settings("sandbox").sandbox.data_dir)] in COMPOSE["volumes"]


def test_the_servers_are_of_the_releases_that_the_tests_use() -> None:
    assert SERVICES["postgres"]["image"] == POSTGRES_IMAGE
    assert SERVICES["kafka"]["image"] == KAFKA_IMAGE


def test_our_image_carries_our_version_and_is_built_from_the_dockerfile() -> None:
    assert {service["image"] for service in OURS.values()} == {f"sendto:{version('sendto')}"}
    built = SERVICES["migrate"]["build"]
    assert (DEPLOY / built["context"]).resolve() == ROOT
    assert (ROOT / built["dockerfile"]).is_file()


@pytest.mark.parametrize("name", OURS)
def test_nothing_of_ours_starts_before_the_databases_are_up_to_date(name: str) -> None:
    awaited = {other: how["condition"] for other, how in OURS[name]["depends_on"].items()}
    if name == "migrate":
        assert awaited == {"postgres": "service_healthy", "kafka": "service_healthy"}
    else:
        assert awaited["migrate"] == "service_completed_successfully"


def test_what_watches_is_run_on_demand_only_and_scrapes_what_is_composed() -> None:
    assert {name for name, service in SERVICES.items() if service.get("profiles") == ["watch"]} == {
        "prometheus",
        "grafana",
    }
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    jobs = {job["job_name"].removeprefix("sendto-"): job for job in scraped}
    for name, job in jobs.items():
        port = getattr(_settings(name), PROCESSES[name].section).port
        static = [target for one in job.get("static_configs", []) for target in one["targets"]]
        found = [f"{host}:{one['port']}" for one in job.get("dns_sd_configs", []) for host in one["names"]]
        assert [*static, *found] == [f"{name}:{port}"]
    assert jobs.keys() == PROCESSES.keys() - {"sandbox"}


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name: str) -> None:
    for source in _mounts(SERVICES[name]).values():
        assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    found = subprocess.run(
        [HADOLINT, "--no-color", DEPLOY / "Dockerfile"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_the_image_installs_all_extras_but_those_for_one_machine_and_for_tests() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed = re.findall(r"--extra (\w+)", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
    assert {*installed, "runtime", "embedded", "testing", "all", "dev"} == project["optional-dependencies"].keys()


def test_the_build_gets_what_the_dockerfile_copies() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    copies = [line.split()[1:-1] for line in dockerfile.splitlines() if line.startswith("COPY ")]
    copied = {source for sources in copies for source in sources if not sources[0].startswith("--from=")}
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert copied == {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert all((ROOT / source).exists() for source in copied)
