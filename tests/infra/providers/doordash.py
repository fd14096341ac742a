"""DoorDash Drive's deliveries, as its document of API v2 (2.1.59) and its reference pages describe them.

Sources: developer.doordash.com, "Drive API" (operations, schemas and codes), "Error codes and reasons" (statuses), and
"JSON Web Token (JWT) format" (the token).
"""

from base64 import urlsafe_b64encode
from typing import Any

import jwt

from infra.providers.scripted import Answer, Asked, Scripted

SIGNING_KEY = b"0123456789abcdef0123456789abcdef"
SIGNING_SECRET = urlsafe_b64encode(SIGNING_KEY).decode().rstrip("=")
DEVELOPER_ID = "582e4f20-0f48-4bc2-99c2-e094675e2919"
KEY_ID = "585698aa-2aa6-4bb4-8b3f-dd9d3f47dc28"
UNAUTHORIZED = {"code": "authentication_error", "message": "The [exp] is in the past; the JWT is expired"}


class DoorDash(Scripted):
    """Deliveries under our ids, which are spent once they are used. A cancelled one is not changed any more."""

    prefix = "/drive/v2/deliveries"

    def __init__(self) -> None:
        super().__init__()
        self.deliveries: dict[str, dict[str, Any]] = {}

    def held(self, reference: str) -> list[dict[str, Any]]:
        """The delivery with this id, unless it was cancelled."""
        delivery = self.deliveries.get(reference)
        return [delivery] if delivery and delivery["delivery_status"] != "cancelled" else []

    def handle(self, asked: Asked, path: str) -> Answer:
        """Carry a request out."""
        if not _signed(asked.headers.get("authorization", "")):
            return Answer(401, UNAUTHORIZED)
        match asked.method, path:
            case "POST", "":
                return self._create(asked.json)
            case _:
                return self._one(asked, path.removeprefix("/"))

    def answer(self, asked: Asked) -> Answer | None:
        """The token differs with time: it is looked at by `handle`."""
        self.authorization = ("authorization", asked.headers.get("authorization", ""))
        return super().answer(asked)

    def _create(self, given: dict[str, Any]) -> Answer:
        reference = given["external_delivery_id"]
        if reference in self.deliveries:
            body = {"code": "duplicate_delivery_id", "message": "Duplicate External Delivery ID"}
            return Answer(409, body | {"external_delivery_id": reference})
        self.deliveries[reference] = given | {"delivery_status": "created", "fee": 975, "currency": "USD"}
        return Answer(200, self._shown(reference))

    def _one(self, asked: Asked, path: str) -> Answer:
        reference, _, action = path.partition("/")
        if reference not in self.deliveries:
            body = {"code": "unknown_delivery_id", "message": "External delivery ID was not found"}
            return Answer(404, body | {"external_delivery_id": reference})
        delivery = self.deliveries[reference]
        if asked.writes and delivery["delivery_status"] == "cancelled":
            code = "cancel_not_allowed" if action else "update_not_allowed"
            return Answer(409, {"code": code, "message": "It is cancelled", "reason": "delivery_cancelled"})
        if asked.method == "PUT" and action == "cancel":
            delivery |= {"delivery_status": "cancelled", "cancellation_reason": "cancelled_by_creator"}
        if asked.method == "PATCH":
            delivery |= asked.json
        return Answer(200, self._shown(reference))

    def _shown(self, reference: str) -> dict[str, Any]:
        """DoorDash writes addresses in its own way."""
        delivery = self.deliveries[reference]
        return delivery | {"dropoff_address": f"{delivery['dropoff_address']}, United States"}


def _signed(authorization: str) -> bool:
    """Whether the token is one of ours that holds now: algorithm, header, claims, and how long it is good for."""
    token = authorization.removeprefix("Bearer ")
    try:
        claims = jwt.decode(token, SIGNING_KEY, algorithms=["HS256"], audience="doordash", issuer=DEVELOPER_ID)
    except jwt.InvalidTokenError:
        return False
    header = jwt.get_unverified_header(token)
    return bool(header["dd-ver"] == "DD-JWT-V1" and claims["kid"] == KEY_ID and claims["exp"] - claims["iat"] <= 1_800)
