'''The conformance kit: runs an adapter against a scripted provider on a real socket and says which promise it breaks.

Install `sendto[testing]`. An adapter's author describes the provider in miniature and derives a test class; pytest then
runs one test for each check that applies to the adapter's capabilities:

    from sendto.sdk.testing import Answer, Case, Conformance, Fake, Received

    class FakeAcme(Fake):
        """Acme in miniature: objects by our reference."""

        def __init__(self) -> None:
            self.objects: dict[str, dict] = {}

        def answer(self, request: Received) -> Answer:
            reference = request.path.rsplit("/", 1)[-1]
            match request.method:
                case "PUT":
                    self.objects[reference] = request.json()
                    return Answer(200, {"id": reference})
                case "DELETE" if self.objects.pop(reference, None) is None:
                    return Answer(404)
                case "DELETE":
                    return Answer(204)
                case _:
                    found = self.objects.get(reference)
                    return Answer(200, found) if found else Answer(404)

        def held(self, reference: str) -> list[dict]:
            return [self.objects[reference]] if reference in self.objects else []

    class TestAcme(Conformance):
        case = Case(
            adapter=AcmeAdapter,
            config=lambda url: {"url": url, "token": "a-token-of-the-tests"},
            fake=FakeAcme,
        )

What the kit does to the adapter: it repeats commands, loses answers at every request, answers every status with every
kind of body, hangs, redirects, asks to wait, cancels, sends people with every kind of name, and lets fifty calls ask
for an access token at once. Meanwhile it watches that personal data and secrets are in no log line, outcome, exception,
URL, repr or metric, that nothing goes to another host or past the given `http`, and that nothing is left running.

The fake knows no faults, the kit makes them. It has to be as strict as the provider: let it make a second object where
the provider would. A provider with fixed addresses is named by `Case.hosts`; access tokens by `Case.is_token_request`
and `Fake.expire_tokens`; answers of 2xx that say no by `Case.refusals`; its OpenAPI document by `Case.specification`.

Without pytest: `sendto adapter test MODULE` runs every `Case` and every `Conformance` of a module, and in code
`for check in checks_for(case): run_check(case, check)` raises `Breach` at the first broken promise.
'''

from sendto.sdk.testing.breach import Breach
from sendto.sdk.testing.case import Case, Fake
from sendto.sdk.testing.checks import Check, checks_for, run_check
from sendto.sdk.testing.messages import Answer, Received
from sendto.sdk.testing.people import CANARIA, ORDER, SERINUS
from sendto.sdk.testing.plugin import Conformance

__all__ = [
    "CANARIA",
    "ORDER",
    "SERINUS",
    "Answer",
    "Breach",
    "Case",
    "Check",
    "Conformance",
    "Fake",
    "Received",
    "checks_for",
    "run_check",
]
