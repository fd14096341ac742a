"""One system that `sendto up` brought up, for all tests that leave it as they found it."""

from collections.abc import Iterator

import pytest
from infra.command import System

from sendto_cli.home import Run


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system with two dispatchers, on free ports."""
    home = tmp_path_factory.mktemp("system") / "home"
    with System(home, "--port-base", "0", "--dispatchers", "2").running() as up:
        yield up


@pytest.fixture
def run(system: System) -> Run:
    """What it says about itself, once everything is ready."""
    return system.when_ready()
