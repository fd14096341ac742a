"""What the embedded Kafka is told."""

import uuid
from unittest.mock import patch

from sendto_cli.up import kafka


def test_a_cluster_id_is_never_taken_for_an_option() -> None:
    dashed = uuid.UUID(bytes=b"\xf8" + bytes(15))
    plain = uuid.UUID(bytes=bytes(16))

    with patch("uuid.uuid4", side_effect=[dashed, plain]):
        assert kafka._new_cluster_id() == "A" * 22  # noqa: SLF001 - what is drawn cannot be chosen from outside
