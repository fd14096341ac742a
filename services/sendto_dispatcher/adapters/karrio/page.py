"""What the page of the karrio adapter says."""

from sendto.sdk import Documentation

DOCUMENTATION = Documentation(
    title="Karrio",
    summary=(
        "Keeps an address in the address book of a Karrio server for every order, labelled `order 51342 (sendto)`. "
        "Karrio reaches some fifty carriers."
    ),
    example={"base_url": "https://karrio.example.com", "api_key": "env:KARRIO_API_KEY", "default_country": "GB"},
    errors={
        "needs_country": "The address names no country. Set `default_country`, or send it in the event.",
        "country_unknown": "Karrio does not know the country of the address.",
        "address_too_long": "The street does not fit into two lines of 50 characters. Nothing is cut.",
        "postcode_too_long": "The postcode has more than 10 characters.",
        "state_error": "A shipment or an order uses the address already, and Karrio keeps it. Change it there.",
        "search_unsupported": (
            "The server is too old to search by keyword, so that it is not known whether an address was made. "
            "Look there, and bring the server up to date."
        ),
        "answer_unreadable": "Karrio's answer does not name the address; it is looked for.",
    },
    notes=(
        "Karrio has no id of ours: its own is kept, and after an answer that was lost the label is searched for.",
        "The label and the search are in the server's code, and missing in its OpenAPI document.",
        "Names are cut at 50 characters, cities at 30; streets are broken between words.",
        "600 requests a minute are a Karrio server's default for one user (`USER_RATE_LIMIT`).",
    ),
    specification="https://docs.karrio.io",
    remote="adr_2c0a5ad9e9b4476f8a8d4c2d9d6f0a11",
)
