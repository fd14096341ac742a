"""Requests that get no answer: the connection under an ASGI request, so that it can be reset like a real one."""

import socket
import struct
from collections.abc import MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TRANSPORT = "sendto.transport"
"""the key of the connection in a request's scope"""


class ResettableProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which lends the application its connection."""

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope[TRANSPORT] = self.transport  # type: ignore[literal-required]  # an extension of ours


def reset(scope: MutableMapping[str, Any]) -> None:
    """Answer with a TCP reset."""
    transport = scope[TRANSPORT]
    raw = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
