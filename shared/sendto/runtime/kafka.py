"""How Kafka clients are configured, in one place for producers, consumers and admin clients."""

import asyncio
import ssl
from collections.abc import Coroutine
from typing import Any

from aiokafka.helpers import create_ssl_context

from sendto.runtime.settings import KafkaSettings


def client_options(settings: KafkaSettings, *, client_id: str) -> dict[str, Any]:
    """Keyword arguments that every aiokafka client takes."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers.split(","),
        "client_id": client_id,
        "security_protocol": settings.security_protocol,
        "request_timeout_ms": int(settings.request_timeout_s * 1000),
        "metadata_max_age_ms": 30_000,
    }
    if settings.security_protocol.endswith("SSL"):
        options["ssl_context"] = tls_context(settings)
    if settings.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = settings.sasl_password.get_secret_value() if settings.sasl_password else None
    return options


_END_S = 3.0
"""how long a stop waits for a client that is starting or closing"""
_CANCEL_AGAIN_S = 0.5


async def undisturbed(work: Coroutine[Any, Any, None]) -> None:
    """Wait until a client has started, or has closed.

    Where this is cancelled, the work is given a moment to end. A start that is torn apart in the middle leaves a
    connection behind. A close swallows the cancellation: it takes it for the one of its own loop.
    """
    working = asyncio.create_task(work)
    try:
        await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait({working}, timeout=_END_S)
        while not working.done():
            working.cancel()
            await asyncio.wait({working}, timeout=_CANCEL_AGAIN_S)
        raise


def tls_context(settings: KafkaSettings) -> ssl.SSLContext:
    """The TLS context: the configured authority, else the machine's."""
    context: ssl.SSLContext = create_ssl_context(cafile=str(settings.ssl_ca_file) if settings.ssl_ca_file else None)
    return context
