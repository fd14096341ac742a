"""A Karrio server's addresses, as its document and its code describe them."""

from typing import Any, ClassVar

from infra.providers.scripted import Answer, Asked, Scripted

KEY = "key_0123456789"
SEARCHED = (
    "address_line1",
    "address_line2",
    "postal_code",
    "person_name",
    "company_name",
    "country_code",
    "city",
    "email",
    "phone_number",
)


def failure(code: str, message: str = "It did not work") -> dict[str, Any]:
    """The body of an error."""
    return {"errors": [{"code": code, "message": message}]}


class Karrio(Scripted):
    """Addresses under ids of Karrio's own; the keyword is looked for in the label and most fields."""

    authorization = ("authorization", f"Token {KEY}")
    unauthorized: ClassVar[Any] = failure("authentication_failed")

    def __init__(self) -> None:
        super().__init__()
        self.addresses: dict[str, dict[str, Any]] = {}
        self.used: set[str] = set()
        """ids of addresses that shipments use"""
        self.searches = True
        """whether it knows the parameter `keyword`"""

    def held(self, reference: str) -> list[dict[str, Any]]:
        """The addresses with this reference in their labels."""
        return [one for one in self.addresses.values() if one["meta"]["label"].split()[1] == reference]

    def handle(self, asked: Asked, path: str) -> Answer:
        """Carry a request out."""
        match asked.method, path:
            case "POST", "/v1/addresses":
                address = {"id": f"adr_{len(self.addresses) + 1:032x}", "object_type": "address"} | asked.json
                self.addresses[address["id"]] = address
                return Answer(201, address)
            case "GET", "/v1/addresses":
                return self._list(asked.query.get("keyword", "") if self.searches else "")
            case _:
                return self._one(asked, path.removeprefix("/v1/addresses/"))

    def _list(self, keyword: str) -> Answer:
        found = [address for address in reversed(self.addresses.values()) if _matches(address, keyword.lower())]
        return Answer(200, {"count": len(found), "next": None, "previous": None, "results": found})

    def _one(self, asked: Asked, identifier: str) -> Answer:
        address = self.addresses.get(identifier)
        if address is None:
            return Answer(404, failure("not_found"))
        if asked.writes and identifier in self.used:
            return Answer(409, failure("state_error"))
        if asked.method == "DELETE":
            del self.addresses[identifier]
        if asked.method == "PATCH":
            address |= asked.json
        return Answer(200, address)


def _matches(address: dict[str, Any], keyword: str) -> bool:
    texts = [address["meta"]["label"], *(address.get(name) or "" for name in SEARCHED)]
    return any(keyword in text.lower() for text in texts)
