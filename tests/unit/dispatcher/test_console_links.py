"""What is wrong links to where the console tells more of it."""

import pytest

from sendto_dispatcher.ops.console.render import page_of
from sendto_dispatcher.ops.glances import TroubleShown


@pytest.mark.parametrize(
    ("name", "provider", "page"),
    [
        ("events_rejected", None, ("/rejected", "rejected events")),
        ("orders_unrouted", None, ("/unrouted", "orders that go nowhere")),
        ("intake_lagging", None, None),
        ("provider_down", "acme", ("/providers/acme", "acme")),
        ("lanes_dead", "acme", ("/lanes?provider=acme&state=dead", "these orders")),
        ("lanes_unknown", "acme", ("/lanes?provider=acme&state=unknown", "these orders")),
        ("provider_not_configured", "a/b", ("/providers/a%2Fb", "a/b")),
    ],
)
def test_a_trouble_leads_to_its_page(name: str, provider: str | None, page: tuple[str, str] | None) -> None:
    assert page_of(TroubleShown(name=name, severity=1, sentence="It is wrong.", provider=provider)) == page
