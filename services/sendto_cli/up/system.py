"""The whole system: brought up part by part, kept running, stopped."""

import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage
from time import monotonic

from sendto_cli.home import Run, run_file
from sendto_cli.up import files, jars, leftovers, plan, probes
from sendto_cli.up.databases import make_databases, make_tokens
from sendto_cli.up.display import Display
from sendto_cli.up.errors import UpFailed
from sendto_cli.up.kafka import EmbeddedKafka
from sendto_cli.up.postgres import EmbeddedPostgres
from sendto_cli.up.processes import Part, PartProcess, last_line

_NEEDED_BYTES = 200_000_000
_SERVICE_STOP_S = 5.0
_SERVER_STOP_S = 3.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `sendto up` was asked for."""

    home: Path
    port_base: int
    config: Path | None
    dispatchers: int


class System:
    """One running system.

    Args:
        options: what was asked for.
        outside: the parts that run elsewhere.
        display: where to tell the person at the terminal.
    """

    def __init__(self, options: Options, outside: plan.Outside, display: Display) -> None:
        self._home = options.home
        self._options = options
        self._outside = outside
        self._display = display
        self._parts: dict[str, PartProcess] = {}
        self._began = monotonic()
        self._steps = 0

    async def run(self) -> None:
        """Bring everything up, and keep it up until a stop signal; then stop everything.

        Raises:
            UpFailed: a part cannot be brought up; all others are stopped again.
        """
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal, stopping)
        starting = asyncio.create_task(self._start())
        stop = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({starting, stop}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                self._display.welcome(await starting)
                await stop
        finally:
            starting.cancel()
            stop.cancel()
            await asyncio.wait({starting, stop})
            self._display.finish()
            await self._stop()

    def _on_signal(self, stopping: asyncio.Event) -> None:
        if stopping.is_set():  # asked again: at once
            for process in self._parts.values():
                process.kill()
        else:
            self._display.say("stopping")
        stopping.set()

    async def _start(self) -> Run:
        self._prepare_home()
        self._secrets = files.load_secrets(self._home)
        self._ports = self._choose_ports()
        postgres, kafka = await self._prepare_servers()
        self._addresses = plan.Addresses(
            ports=self._ports,
            bootstrap_servers=self._outside.bootstrap_servers or f"{plan.HOST}:{self._ports['kafka']}",
            api_database_url=self._outside.api_database_url or postgres.url("orders"),
            dispatcher_database_url=self._outside.dispatcher_database_url or postgres.url("dispatch"),
        )
        servers = [self._run_service("sandbox")]
        if self._outside.needs_postgres:
            servers.append(self._run_postgres(postgres))
        if kafka is not None:
            servers.append(self._run_kafka(kafka))
        await asyncio.gather(*servers)
        await self._bring_up_to_date()
        urls = self._addresses
        self._secrets = await make_tokens(urls.api_database_url, urls.dispatcher_database_url, self._secrets)
        files.save_secrets(self._home, self._secrets)
        await asyncio.gather(*(self._run_service(name) for name in self._service_names()))
        return self._write_run()

    def _prepare_home(self) -> None:
        if leftovers.end(self._home):
            self._display.say("ended what an earlier start left running")
        if disk_usage(self._home).free < _NEEDED_BYTES:
            raise UpFailed(f"no disk space: {self._home} needs {_NEEDED_BYTES // 1_000_000} MB")
        if self._options.config is None:
            files.write(self._config, plan.DEFAULT_CONFIG)

    def _choose_ports(self) -> dict[str, int]:
        earlier = files.read_ports(self._home)
        ports = plan.choose_ports(self._options.port_base, self._options.dispatchers, earlier)
        files.write_ports(self._home, ports)
        return ports

    async def _prepare_servers(self) -> tuple[EmbeddedPostgres, EmbeddedKafka | None]:
        postgres = EmbeddedPostgres(
            self._home / "postgres", port=self._ports["postgres"], password=self._secrets.postgres_password
        )
        preparing = asyncio.create_task(asyncio.to_thread(postgres.prepare)) if self._outside.needs_postgres else None
        kafka = await self._prepare_kafka() if self._outside.bootstrap_servers is None else None
        if preparing is not None:
            await preparing
        return postgres, kafka

    async def _prepare_kafka(self) -> EmbeddedKafka:
        class_path = await asyncio.to_thread(jars.fetch, jars.cache_folder(), self._fetched)
        self._step("starting")
        kafka = EmbeddedKafka(
            self._home / "kafka", class_path, port=self._ports["kafka"], controller_port=self._ports["controller"]
        )
        await asyncio.to_thread(kafka.prepare)
        return kafka

    def _fetched(self, done: int, total: int) -> None:
        self._display.step("fetching Kafka", done, total)

    async def _run_postgres(self, postgres: EmbeddedPostgres) -> None:
        url = postgres.url("postgres")
        await self._run(
            Part(
                name="postgres",
                command=postgres.command,
                log=self._log("postgres"),
                ready=lambda: probes.postgres_ready(url),
                stop_signal=signal.SIGINT,  # fast shutdown: does not wait for clients
                stop_timeout_s=_SERVER_STOP_S,
            )
        )
        await make_databases(url, ("orders", "dispatch"))

    async def _run_kafka(self, kafka: EmbeddedKafka) -> None:
        await self._run(
            Part(
                name="kafka",
                command=kafka.command,
                log=self._log("kafka"),
                ready=lambda: probes.kafka_ready(kafka.bootstrap_servers),
                stop_timeout_s=_SERVER_STOP_S,
            )
        )

    async def _run_service(self, name: str) -> None:
        url = self._addresses.url(name)
        await self._run(
            Part(
                name=name,
                command=[sys.executable, "-m", "sendto_cli", name.split("-", maxsplit=1)[0]],
                log=self._log(name),
                ready=lambda: probes.http_ready(url),
                env=self._environment(name),
                stop_timeout_s=_SERVICE_STOP_S,
            )
        )

    async def _run(self, part: Part) -> None:
        process = self._parts[part.name] = PartProcess(part, self._changed, self._display.say)
        process.start()
        await process.wait_ready()
        self._display.say(f"{part.name} is ready ({monotonic() - self._began:.1f} s)")
        self._step("starting")

    async def _bring_up_to_date(self) -> None:
        log = self._log("migrate")
        log.parent.mkdir(exist_ok=True)
        with log.open("ab") as output:
            migration = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "sendto_cli", "migrate", "all"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment("migrate"),
            )
            code = await migration.wait()
        if code:
            raise UpFailed(last_line(log).removeprefix("sendto: ") or f"the migrations ended with code {code}")
        self._step("starting")

    async def _stop(self) -> None:
        """Services first, then what they use."""
        services = [process for name, process in self._parts.items() if name in self._service_names()]
        servers = [process for process in self._parts.values() if process not in services]
        await asyncio.gather(*(process.stop() for process in services))
        await asyncio.gather(*(process.stop() for process in servers))
        run_file(self._home).unlink(missing_ok=True)

    def _changed(self) -> None:
        try:
            leftovers.remember(self._home, self._pids())
            if self._secrets.token:
                self._write_run()
        except UpFailed as failure:  # a full disk, say: what runs goes on
            self._display.say(str(failure))

    def _write_run(self) -> Run:
        addresses = self._addresses
        run = Run(
            api_url=addresses.url("api"),
            relay_url=addresses.url("relay"),
            dispatcher_url=addresses.url("dispatcher"),
            sandbox_url=addresses.url("sandbox"),
            token=self._secrets.token,
            ops_token=self._secrets.ops_token,
            kafka_bootstrap_servers=addresses.bootstrap_servers,
            api_database_url=addresses.api_database_url,
            dispatcher_database_url=addresses.dispatcher_database_url,
            pids=self._pids(),
            ready=self._expected() == {name for name, process in self._parts.items() if process.is_ready},
        )
        files.write(run_file(self._home), run.model_dump_json(indent=2))
        return run

    def _expected(self) -> set[str]:
        servers = {"postgres"} if self._outside.needs_postgres else set()
        servers |= {"kafka"} if self._outside.bootstrap_servers is None else set()
        return servers | {"sandbox"} | set(self._service_names())

    def _pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._parts.items() if process.pid is not None}

    def _service_names(self) -> Sequence[str]:
        return ("api", "relay", *plan.dispatcher_names(self._options.dispatchers))

    def _environment(self, name: str) -> Mapping[str, str]:
        return plan.environment(name, self._addresses, self._secrets, self._config, self._home)

    @property
    def _config(self) -> Path:
        return self._options.config or self._home / "sendto.toml"

    def _log(self, name: str) -> Path:
        return self._home / "logs" / f"{name}.log"

    def _step(self, what: str) -> None:
        self._steps += 1
        self._display.step(what, self._steps, len(self._expected()) + 2)
