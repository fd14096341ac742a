"""Track-POD's orders, as its document of API v2 describes them."""

from typing import Any

from infra.providers.scripted import Answer, Asked, Scripted

KEY = "a-trackpod-key"


def response(status: int, title: str = "Done") -> dict[str, Any]:
    """The body of most answers."""
    return {"Status": status, "Title": title, "Detail": title}


class TrackPod(Scripted):
    """Orders under our ids: PUT changes what is there, POST makes what is not. What was deleted is gone for good."""

    authorization = ("x-api-key", KEY)

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[str, dict[str, Any]] = {}
        self.removed: dict[str, dict[str, Any]] = {}
        self.processed: set[str] = set()

    def held(self, reference: str) -> list[dict[str, Any]]:
        """The order with this id."""
        return [self.orders[reference]] if reference in self.orders else []

    def handle(self, asked: Asked, path: str) -> Answer:
        """Carry a request out."""
        match asked.method, path:
            case "GET", "/Test":
                return Answer(200, "ok")
            case "POST", "/Order":
                self.orders[asked.json["Id"]] = asked.json
                self.removed.pop(asked.json["Id"], None)
                return Answer(201, response(201))
            case "PUT", "/Order":
                return self._put(asked.json)
            case _:
                return self._one(asked, path.removeprefix("/Order/Id/"))

    def _put(self, order: dict[str, Any]) -> Answer:
        if order["Id"] in self.processed:
            return Answer(405)
        missing = self._missing(order["Id"])
        if missing is not None:
            return missing
        self.orders[order["Id"]] |= order
        return Answer(202, response(202))

    def _one(self, asked: Asked, reference: str) -> Answer:
        missing = self._missing(reference)
        if missing is not None:
            return missing if asked.method == "GET" else Answer(404)
        if asked.method == "DELETE":
            if reference in self.processed:
                return Answer(400, response(400, "Order already has delivery status"))
            self.removed[reference] = self.orders.pop(reference)
            return Answer(200, response(200))
        return Answer(200, self.orders[reference])

    def _missing(self, reference: str) -> Answer | None:
        if reference in self.orders:
            return None
        if reference not in self.removed:
            return Answer(404)
        return Answer(410, {"Order": {"Id": reference}} | response(410, "Gone"))
