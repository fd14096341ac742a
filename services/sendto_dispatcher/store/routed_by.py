"""What the routes look at in an order's snapshot, and no more of it: no personal data."""

from typing import Final

ROUTED_BY: Final = """
CASE WHEN order_snapshot IS NOT NULL THEN jsonb_build_object(
    'order_type', order_snapshot -> 'order_type', 'location_id', order_snapshot -> 'location_id',
    'payment', order_snapshot -> 'payment', 'shipment_provider', order_snapshot -> 'shipment_provider',
    'address', jsonb_build_object('country', order_snapshot #> '{address,country}'))::text END
"""
"""SQL: of a row of `order_state`, as the JSON of an `OrderSnapshot`; null where no snapshot is known."""
