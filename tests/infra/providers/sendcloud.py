"""Sendcloud's orders, as its document of API v3 describes them."""

from base64 import b64encode
from typing import Any, ClassVar

from infra.providers.scripted import Answer, Asked, Scripted

INTEGRATION = 739283
KEYS = ("a-public-key", "a-secret-key")
NOT_FOUND = {"errors": [{"status": "404", "code": "not_found", "title": "Not found", "detail": "It was not found"}]}


def refusal(detail: str, pointer: str | None = None, code: str = "invalid") -> dict[str, Any]:
    """The body of a 400."""
    source = {} if pointer is None else {"source": {"pointer": pointer}}
    return {"errors": [{"status": "400", "code": code, "detail": detail} | source]}


class Sendcloud(Scripted):
    """Upserts by order id and integration, all or nothing; ids are integers in answers. May save late."""

    prefix = "/api/v3"
    authorization = ("authorization", f"Basic {b64encode(':'.join(KEYS).encode()).decode()}")
    unauthorized: ClassVar[Any] = {
        "errors": [{"status": "401", "code": "authentication_failed", "detail": "Invalid credentials"}]
    }

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[str, dict[str, Any]] = {}
        self.refused: set[str] = set()
        """names of customers that make an order invalid"""
        self.hidden_looks = 0
        """how many looks for orders find nothing yet"""
        self._ids = 663

    def held(self, reference: str) -> list[dict[str, Any]]:
        """The order with this id."""
        return [self.orders[reference]] if reference in self.orders else []

    def handle(self, asked: Asked, path: str) -> Answer:
        """Carry a request out."""
        match asked.method, path:
            case "POST", "/orders":
                return self._upsert(asked.json)
            case "GET", "/orders":
                return self._list(asked)
            case _:
                return self._one(asked, path.removeprefix("/orders/"))

    def _upsert(self, orders: list[dict[str, Any]]) -> Answer:
        for number, order in enumerate(orders):
            if order["customer_details"]["name"] in self.refused:
                return Answer(400, refusal("It is wrong", f"/data/attributes/[{number}]/customer_details/name"))
        for order in orders:
            known = self.orders.get(order["order_id"])
            self._ids += known is None
            self.orders[order["order_id"]] = order | {"id": known["id"] if known else self._ids}
        names = ("id", "order_id", "order_number")
        saved = [{name: self.orders[order["order_id"]][name] for name in names} for order in orders]
        return Answer(201, {"data": saved})

    def _list(self, asked: Asked) -> Answer:
        if asked.query["integration"] != str(INTEGRATION):
            body = {"status": "400", "code": "invalid_choice", "detail": "Select a valid choice."}
            return Answer(400, {"errors": [body | {"source": {"parameter": "integration"}}]})
        if self.hidden_looks:
            self.hidden_looks -= 1
            return Answer(200, {"data": []})
        wanted = asked.query.get("order_id")
        found = [order for order in self.orders.values() if wanted in (None, order["order_id"])]
        return Answer(200, {"data": [_shown(order) for order in found]})

    def _one(self, asked: Asked, number: str) -> Answer:
        order = next((order for order in self.orders.values() if str(order["id"]) == number), None)
        if order is None:
            return Answer(404, NOT_FOUND)
        if asked.method == "DELETE":
            del self.orders[order["order_id"]]
            return Answer(204)
        if asked.method == "PATCH":
            for name, change in asked.json.items():
                order[name] = order.get(name, {}) | change
            return Answer(200, {"data": {name: order[name] for name in ("id", "order_id", "order_number")}})
        return Answer(200, {"data": _shown(order)})


def _shown(order: dict[str, Any]) -> dict[str, Any]:
    """The document's own examples have the id as text here."""
    return order | {"id": str(order["id"])}
