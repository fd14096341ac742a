"""What a token may do, in the words of both products. Pure."""

from collections.abc import Iterable

ORDERS_READ = "orders_read"
ORDERS_WRITE = "orders_write"
CUSTOMER_WRITE = "orders_customer_write"
_ALL = frozenset({ORDERS_READ, ORDERS_WRITE, CUSTOMER_WRITE})

_GRANTS: dict[str, frozenset[str]] = {
    "orders_read": frozenset({ORDERS_READ}),
    "orders:read": frozenset({ORDERS_READ}),
    "orders_write": frozenset({ORDERS_WRITE}),
    "orders:write": frozenset({ORDERS_WRITE}),
    "orders_customer_write": frozenset({CUSTOMER_WRITE}),
    "orders:*": _ALL,
    "*": _ALL,
}
KNOWN = tuple(_GRANTS)
"""the words that a token can be made with"""


def granted(words: Iterable[str]) -> frozenset[str]:
    """The permissions that these words grant; a word that is none of ours grants nothing."""
    return frozenset().union(*(_GRANTS.get(word, frozenset()) for word in words))
