"""The people whose customers the kit sends. Every value of theirs is a canary: it must be nowhere but in requests."""

from datetime import UTC, datetime

from sendto.events.customer import Address, Customer, OrderSnapshot

_WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

CANARIA = Customer(
    first_name="Canaria",
    last_name="Finkensang",
    email="canaria.finkensang@kit.example",
    phone_number="020 7946 0958",
    mobile_number="07700 900123",
    phone_e164="+442079460958",
    mobile_e164="+447700900123",
    created_at=_WHEN,
    updated_at=_WHEN,
)
SERINUS = CANARIA.model_copy(
    update={
        "first_name": "Serinus",
        "last_name": "Zeisigruf",
        "email": "serinus.zeisigruf@kit.example",
        "mobile_number": "07700 900456",
        "mobile_e164": "+447700900456",
    }
)
"""CANARIA after a change"""

ORDER = OrderSnapshot(
    order_type="delivery",
    location_id=1,
    status_id=1,
    order_date_time=datetime(2026, 1, 2, 18, 30, tzinfo=UTC),
    comment="ring twice at Vogelhaus",
    payment="card",
    total_items=3,
    order_total=15.04,
    currency="GBP",
    address=Address(
        address_1="7 Kanarienweg",
        address_2="Hinterhof",
        city="London",
        state="Greater London",
        postcode="EC1A 1BB",
        country="GB",
    ),
)

CANARIES = (
    "Canaria",
    "Finkensang",
    "Serinus",
    "Zeisigruf",
    "kit.example",
    "7946 0958",
    "79460958",
    "7700 900",
    "7700900",
    "Vogelhaus",
    "Kanarienweg",
)
"""Parts of the values above that appear nowhere by chance."""


def _called(first_name: str, last_name: str) -> Customer:
    return CANARIA.model_copy(update={"first_name": first_name, "last_name": last_name})


NAMES = {
    "unicode": _called("Zoë", "Łukaszewicz-Nguyễn"),
    "emoji": _called("Ana 🐦", "Paloma"),
    "right to left": _called("محمد", "العربي"),
    "chinese": _called("小龙", "李"),
    "apostrophe": _called("Siobhán", "O'Neill"),
    "quotes": _called('Bo "B" <b>', "& Söhne \\ Co"),
    "single word": _called("Sukarno", ""),
    "longest": _called("Maximiliane" * 9 + "X", "Hohenstein" * 10),
}
"""Names as people have them."""

REACHED = {
    "no email": CANARIA.model_copy(update={"email": None}),
    "only a mobile": CANARIA.model_copy(update={"phone_number": None, "phone_e164": None}),
    "only a landline": CANARIA.model_copy(update={"mobile_number": None, "mobile_e164": None}),
    "no phone": CANARIA.model_copy(
        update={"phone_number": None, "phone_e164": None, "mobile_number": None, "mobile_e164": None}
    ),
    "bad phone": CANARIA.model_copy(
        update={"phone_number": "123", "phone_e164": None, "mobile_number": "ask reception", "mobile_e164": None}
    ),
}
"""People who cannot be reached in every way."""
