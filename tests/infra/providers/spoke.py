"""Spoke's unassigned stops, and stops on plans, as its document of API v1 describes them."""

from base64 import b64encode
from typing import Any, ClassVar

from infra.providers.scripted import Answer, Asked, Scripted

KEY = "a-spoke-key"
PLANNED = "plans/plan1/stops"


class Spoke(Scripted):
    """Stops under ids of Spoke's own; one that is planned leaves the unassigned ones."""

    prefix = "/public/v1"
    authorization = ("authorization", f"Basic {b64encode(f'{KEY}:'.encode()).decode()}")
    unauthorized: ClassVar[Any] = {"message": "Unauthorized"}

    def __init__(self) -> None:
        super().__init__()
        self.stops: dict[str, dict[str, Any]] = {}
        self.writable = True
        """whether plans may be changed"""

    def held(self, reference: str) -> list[dict[str, Any]]:
        """The stops with this external id."""
        return self._with(reference)

    def plan(self) -> None:
        """Put all stops on a plan."""
        planned = [stop | {"id": stop["id"].replace("unassignedStops", PLANNED)} for stop in self.stops.values()]
        self.stops = {stop["id"]: stop for stop in planned}

    def handle(self, asked: Asked, path: str) -> Answer:
        """Carry a request out."""
        match asked.method, path:
            case "POST", "/unassignedStops":
                stop = _made(f"unassignedStops/stop{len(self.asked)}", asked.json)
                self.stops[stop["id"]] = stop
                return Answer(200, stop)
            case "GET", "/unassignedStops":
                wanted = asked.query.get("filter.externalId")
                found = [stop for stop in self._with(wanted) if stop["id"].startswith("unassignedStops/")]
                return Answer(200, {"unassignedStops": found, "nextPageToken": None})
            case "GET", "/stops:search":
                wanted = asked.query["filter"].removeprefix('recipient.externalId = "').removesuffix('"')
                found = [{"type": _kind(stop), _kind(stop): stop} for stop in self._with(wanted)]
                return Answer(200, {"stops": found, "nextPageToken": None})
            case _:
                return self._one(asked, path.removeprefix("/"))

    def _with(self, reference: str | None) -> list[dict[str, Any]]:
        return [stop for stop in self.stops.values() if reference in (None, stop["recipient"]["externalId"])]

    def _one(self, asked: Asked, identifier: str) -> Answer:
        stop = self.stops.get(identifier)
        if stop is None:
            return Answer(404, {"message": "Not Found" if asked.writes else "Unassigned stop not found"})
        if asked.writes and _kind(stop) == "stop" and not self.writable:
            return Answer(409, {"message": "Plan is not writable", "code": "plan_not_writable"})
        if asked.method == "DELETE":
            del self.stops[identifier]
            return Answer(204)
        if asked.method == "PATCH":
            stop |= asked.json
        return Answer(200, stop)


def _kind(stop: dict[str, Any]) -> str:
    return "unassignedStop" if stop["id"].startswith("unassignedStops/") else "stop"


def _made(identifier: str, given: dict[str, Any]) -> dict[str, Any]:
    """A stop with all members that the document requires; the address in Spoke's own words."""
    address = {"address": "Somewhere", "addressLineOne": "Some", "addressLineTwo": "where", "placeTypes": []}
    return {
        "id": identifier,
        "depot": given.get("depot", "depots/main"),
        "address": address | {"latitude": 1.0, "longitude": 2.0, "placeId": None},
        "barcodes": [],
        "allowedDrivers": [],
        "notes": given["notes"],
        "packageCount": None,
        "weight": None,
        "orderInfo": {
            "products": [],
            "invoiceNumber": None,
            "sellerName": None,
            "sellerOrderId": None,
            "sellerWebsite": None,
        },
        "recipient": given["recipient"],
        "trackingLink": None,
        "timing": {"estimatedAttemptDuration": None, "earliestAttemptTime": None, "latestAttemptTime": None},
        "paymentOnDelivery": None,
        "proofOfAttemptRequirements": {"enabled": None},
        "customProperties": None,
        "clientId": None,
    }
