"""What the page of the trackpod adapter says."""

from sendto.sdk import Documentation

DOCUMENTATION = Documentation(
    title="Track-POD",
    summary="Keeps an unscheduled delivery order of Track-POD for every order, under our reference as its id.",
    example={"api_key": "env:TRACKPOD_API_KEY", "depot_id": "depot-7"},
    errors={
        "already_processed": "A driver has processed the order, or it has a delivery status. Change it in Track-POD.",
        "address_too_long": "The address has more than 255 characters. Nothing of it is cut.",
        "reference_too_long": "Prefix and order number together have more than 50 characters: shorten the prefix.",
        "answer_contradicts": "Track-POD answered with an error inside a success. It is sent again.",
    },
    notes=(
        "An order is changed first (PUT) and made where it is missing (POST): a repetition makes no second one.",
        "Track-POD answers a change with 202, and the order is shown as accepted; a new one is answered with 201.",
        "The address of an order that is planned into a route can no longer be changed in Track-POD.",
        (
            "Limits are 400 requests a minute and 20 a second. The relay spaces requests by the first and so keeps the "
            "second; do not raise `burst` above 20."
        ),
    ),
    specification="https://api.track-pod.com",
    remote="51342",
)
