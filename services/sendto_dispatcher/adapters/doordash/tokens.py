"""The tokens of DoorDash: JWTs that the caller signs itself, good for minutes."""

from datetime import UTC, datetime

import jwt

_LIFETIME_S = 300
"""DoorDash allows 1,800"""
_MARGIN_S = 60


class Tokens:
    """Signs tokens of one access key, and uses each for a while."""

    def __init__(self, developer_id: str, key_id: str, key: bytes) -> None:
        self._claims = {"aud": "doordash", "iss": developer_id, "kid": key_id}
        self._key = key
        self._token = ""
        self._until = 0

    def current(self) -> str:
        """A token that is good for a minute at least."""
        now = int(datetime.now(UTC).timestamp())
        if now >= self._until - _MARGIN_S:
            self._until = now + _LIFETIME_S
            claims = self._claims | {"iat": now, "exp": self._until}
            self._token = jwt.encode(claims, self._key, algorithm="HS256", headers={"dd-ver": "DD-JWT-V1"})
        return self._token
