"""Rule 34: what a new configuration changes, and what it leaves as it is."""

from pathlib import Path

import pytest

from sendto.runtime.settings import load
from sendto_dispatcher.configuration import Configuration, Running
from sendto_dispatcher.settings import DispatcherSettings

HEAD = '[dispatcher]\ndatabase_url = "postgresql://nobody@127.0.0.1/none"\nconfig_poll_s = 0.01\n'
TWO = """
[providers.one]
adapter = "sandbox"
config = { url = "http://127.0.0.1:1", token = "file:secret" }
[providers.two]
adapter = "sandbox"
config.url = "http://127.0.0.1:2"
[[routes]]
when = { country = ["GB"] }
to = ["one"]
"""


class Kept:
    """A configuration's file, and everything that was put in force after the start."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "sendto.toml"
        self.secret = folder / "secret"
        self.secret.write_text("first")
        self.write(TWO)
        self.configuration = Configuration(load(DispatcherSettings, self.file, environ={}), folder, self.file)
        self.used: list[Running] = []
        self.configuration.on_change(self._use)

    def write(self, text: str, head: str = HEAD) -> None:
        self.file.write_text(head + text)

    async def _use(self, running: Running) -> None:
        self.used.append(running)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


async def test_a_provider_that_is_the_same_stays_the_same_object(kept: Kept) -> None:
    before = kept.configuration.current
    kept.write(TWO.replace("127.0.0.1:2", "127.0.0.1:3"))

    assert await kept.configuration.reload()

    after = kept.configuration.current
    assert after.providers["one"] is before.providers["one"]
    assert after.providers["two"] is not before.providers["two"]
    assert after.digest != before.digest
    assert kept.used == [after]


async def test_a_rotated_secret_makes_a_new_provider_under_the_same_digest(kept: Kept) -> None:
    before = kept.configuration.current
    kept.secret.write_text("second")

    assert await kept.configuration.reload()

    after = kept.configuration.current
    assert after.providers["one"] is not before.providers["one"]
    assert after.providers["two"] is before.providers["two"]
    assert after.digest == before.digest


@pytest.mark.parametrize(
    "text",
    [
        TWO.replace("sandbox", "nothing"),
        TWO.replace("to = ", "too = "),
        TWO.replace("file:secret", "file:nowhere"),
        "]",
    ],
)
async def test_what_cannot_be_used_changes_nothing(kept: Kept, text: str) -> None:
    before = kept.configuration.current
    kept.write(text)

    assert not await kept.configuration.reload()

    assert kept.configuration.current is before
    assert kept.used == []
    assert kept.configuration.refused
    assert "\n" not in kept.configuration.refused
    kept.write(TWO)
    assert await kept.configuration.reload()
    assert kept.configuration.refused is None


async def test_what_is_the_same_is_not_put_in_force_again(kept: Kept) -> None:
    kept.write(TWO + "\n# a remark\n")
    assert await kept.configuration.reload()
    assert kept.used == []


async def test_routes_and_sources_change_alone_and_a_disabled_provider_is_gone(kept: Kept) -> None:
    before = kept.configuration.current
    kept.write(
        TWO.replace("GB", "FR").replace("[providers.two]", "[providers.two]\nenabled = false")
        + '\n[routing]\ndefault = ["one"]\n[sources."/shop"]\nreference_prefix = "S-"'
    )

    assert await kept.configuration.reload()

    after = kept.configuration.current
    assert after.providers == {"one": before.providers["one"]}
    assert after.routing.default == ("one",)
    assert after.routing.rules[0].country == frozenset({"FR"})
    assert after.intake_rules.prefixes == {"/shop": "S-"}


async def test_sections_that_need_a_restart_stay_as_they_were(kept: Kept) -> None:
    kept.write(TWO, HEAD + "port = 1\n[log]\nlevel = 'debug'\n")

    assert await kept.configuration.reload()

    assert kept.configuration.current.settings.log.level == "info"
    assert kept.configuration.current.settings.dispatcher.port == 8081
    assert kept.used == []
