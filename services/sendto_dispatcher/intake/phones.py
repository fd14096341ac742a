"""E.164 forms of phone numbers, where the producer did not send them."""

from dataclasses import replace

from sendto.events.customer import Customer
from sendto.events.envelope import CustomerEvent
from sendto.events.phones import e164


def with_e164(event: CustomerEvent, default_region: str) -> CustomerEvent:
    """The event with the E.164 form of every phone that has one; a number that is none stays without."""
    customer = event.customer
    if customer is None:
        return event
    forms = {
        "phone_e164": customer.phone_e164 or e164(customer.phone_number, default_region),
        "mobile_e164": customer.mobile_e164 or e164(customer.mobile_number, default_region),
    }
    if forms == {"phone_e164": customer.phone_e164, "mobile_e164": customer.mobile_e164}:
        return event
    completed: Customer = customer.model_copy(update=forms)
    return replace(event, customer=completed)
