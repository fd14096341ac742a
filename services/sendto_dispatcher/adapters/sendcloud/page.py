"""What the page of the sendcloud adapter says."""

from sendto.sdk import Documentation

DOCUMENTATION = Documentation(
    title="Sendcloud",
    summary=(
        "Keeps one order of an API integration of Sendcloud (API v3) for every order: its id there is our reference. "
        "The customer is its customer and, where the order has a whole address, its recipient."
    ),
    example={
        "public_key": "env:SENDCLOUD_PUBLIC_KEY",
        "secret_key": "env:SENDCLOUD_SECRET_KEY",
        "integration_id": 739283,
        "default_currency": "EUR",
        "on_delete": "delete",
    },
    errors={
        "needs_order_total": "The order has no total, which Sendcloud needs. Send `order.order_total` in the event.",
        "currency_unsupported": "The order's currency is not EUR, GBP or USD, or it has none: set `default_currency`.",
        "still_processing": "Sendcloud works on an earlier request for the same order. It is sent again.",
        "batch_refused": "The whole request was refused, most often for another order. It goes again without that one.",
        "integration_unknown": "`integration_id` is not an integration of this account. The provider is held.",
        "answer_unreadable": "Sendcloud answered that it took the order, but does not name it. It is sent again.",
        "anonymise_refused": "Sendcloud did not let the person be overwritten. Look at the order there.",
        "sendcloud_*": "Sendcloud refuses a value; its own code stands after the underscore, the fields in the detail.",
    },
    notes=(
        "The order is one line of its whole value: what was bought is not known to the relay.",
        "An address is sent where it has a first line, a postcode, a city and a country; else only the customer is.",
        "An e-mail address or a number that is removed is left out of the next upsert.",
        "Read back are the customer, the address and the notes; prices and states may be changed at Sendcloud.",
        "Sendcloud saves after it has answered: an order is shown as accepted, and read back.",
        "A delete looks for the order by our reference, twice within `save_s`, and then deletes it by Sendcloud's id.",
        "The limit is 100 writing requests a minute; one request carries up to 100 orders.",
    ),
    specification="https://sendcloud.dev/api/v3/orders",
)
