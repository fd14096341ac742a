"""How long a service keeps an idle connection."""

import asyncio
from pathlib import Path

from infra.processes import Service, running
from infra.servers import free_port


def _sandbox(folder: Path, keep_alive_s: int) -> Service:
    port = free_port()
    env = {
        "SENDTO_SANDBOX__PORT": str(port),
        "SENDTO_SANDBOX__DATA_DIR": str(folder / str(keep_alive_s)),
        "SENDTO_SANDBOX__KEEP_ALIVE_S": str(keep_alive_s),
    }
    return Service("sandbox", env, f"http://127.0.0.1:{port}", folder / "log")


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: sandbox\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.split(b":")[1]))
    return head.split(b"\r\n")[0]


async def test_it_is_closed_after_the_time_that_is_set_and_no_sooner(tmp_path: Path) -> None:
    async with running(_sandbox(tmp_path, 75)) as patient, running(_sandbox(tmp_path, 1)) as hasty:
        kept = await asyncio.open_connection("127.0.0.1", int(patient.url.rsplit(":", 1)[1]))
        dropped = await asyncio.open_connection("127.0.0.1", int(hasty.url.rsplit(":", 1)[1]))
        assert await _ask(*kept) == b"HTTP/1.1 200 OK"
        assert await _ask(*dropped) == b"HTTP/1.1 200 OK"

        assert await dropped[0].read() == b""

        assert await _ask(*kept) == b"HTTP/1.1 200 OK"
        for _, writer in (kept, dropped):
            writer.close()
