"""Acme in miniature, for the conformance kit."""

from typing import Any

from sendto.sdk.testing import Answer, Fake, Received

TOKEN = "a-token-of-the-tests"  # noqa: S105 - it opens nothing


class FakeAcme(Fake):
    """Acme in miniature. Make it as strict as Acme is: two POSTs of one reference make two recipients."""

    def __init__(self) -> None:
        self.recipients: dict[str, dict[str, Any]] = {}
        self._last_id = 0

    def answer(self, request: Received) -> Answer:
        """One request."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, {"error": "who are you?"})
        number = request.path.removeprefix("/recipients").removeprefix("/")
        match request.method:
            case "POST":
                return self._make(request.json())
            case "GET" if not number:
                return Answer(200, {"data": self.held(request.query["reference"][0])})
            case _ if number not in self.recipients:
                return Answer(404, {"error": "no such recipient"})
            case "PATCH":
                self.recipients[number] |= request.json()
            case "DELETE":
                return Answer(200, self.recipients.pop(number))
        return Answer(200, self.recipients[number])

    def held(self, reference: str) -> list[dict[str, Any]]:
        """The recipients of one reference."""
        return [one for one in self.recipients.values() if one["reference"] == reference]

    def _make(self, recipient: dict[str, Any]) -> Answer:
        self._last_id += 1
        number = f"r{self._last_id}"
        self.recipients[number] = recipient | {"id": number}
        return Answer(201, self.recipients[number])
