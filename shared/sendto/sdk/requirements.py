"""What a provider cannot do without, and whether an order has it."""

from enum import StrEnum

from sendto.events.customer import Customer, OrderSnapshot


class Requirement(StrEnum):
    """What a provider cannot do without; a lane that lacks it is dead until newer state brings it."""

    PHONE = "phone"
    EMAIL = "email"
    LAST_NAME = "last_name"
    DELIVERY_ADDRESS = "delivery_address"
    ORDER = "order"


def has(requirement: Requirement, customer: Customer, order: OrderSnapshot | None) -> bool:
    """Whether this customer and order bring what is required."""
    match requirement:
        case Requirement.PHONE:
            return bool(customer.mobile_e164 or customer.phone_e164)
        case Requirement.EMAIL:
            return bool(customer.email)
        case Requirement.LAST_NAME:
            return bool(customer.last_name.strip())
        case Requirement.ORDER:
            return order is not None
        case Requirement.DELIVERY_ADDRESS:
            return bool(order and order.address and order.address.address_1)
