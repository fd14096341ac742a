"""How a test's Kafka asks those who connect who they are, at an address beside the open one: SCRAM over TLS."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

MECHANISM: Final = "SCRAM-SHA-512"
PROTOCOL: Final = "SASL_SSL"
_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True)
class Guard:
    """Lets users in by name and password, and shows a certificate of an authority of its own."""

    users: Mapping[str, str]
    authority: trustme.CA = field(default_factory=trustme.CA)

    def format_options(self) -> list[str]:
        """What Kafka's tool is told when it formats the storage: the users."""
        known = (f"{MECHANISM}=[name={name},password={password}]" for name, password in self.users.items())
        return [word for one in known for word in ("--add-scram", one)]

    def properties(self, folder: Path, address: str, port: int, controller_port: int) -> str:
        """Properties of the server, to come after its others; its key and certificate are written into the folder."""
        store = folder / "server.pem"
        store.write_bytes(self._key_and_certificate(address.partition(":")[0]))
        clients = f"CLIENTS://127.0.0.1:{port},GUARDED://{address}"
        return "\n".join(
            [
                "",
                f"listeners={clients},CONTROLLER://127.0.0.1:{controller_port}",
                f"advertised.listeners={clients}",
                f"listener.security.protocol.map=CLIENTS:PLAINTEXT,GUARDED:{PROTOCOL},CONTROLLER:PLAINTEXT",
                f"listener.name.guarded.sasl.enabled.mechanisms={MECHANISM}",
                f"listener.name.guarded.{MECHANISM.lower()}.sasl.jaas.config={_MODULE} required;",
                "listener.name.guarded.ssl.keystore.type=PEM",
                f"listener.name.guarded.ssl.keystore.location={store}",
                "",
            ]
        )

    def _key_and_certificate(self, host: str) -> bytes:
        """Kafka reads keys as PKCS #8 only."""
        issued = self.authority.issue_cert(host)
        key = load_pem_private_key(issued.private_key_pem.bytes(), None)
        chain = [one.bytes() for one in issued.cert_chain_pems]
        return b"".join([key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), *chain])
