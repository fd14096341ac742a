"""Indexes of the lists: each sort with the order id behind it, each filter that picks few."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SORTS = ("order_date_time", "date_added", "date_modified", "order_total", "last_name")
_FILTERS = ("customer_id", "location_id", "assignee_id")


def upgrade() -> None:
    """Make them."""
    for name in _SORTS:
        op.create_index(f"order_{name}_idx", "order", [name, "order_id"])
    op.create_index("order_status_idx", "order", [sa.text("coalesce(status_id, 0)"), "order_id"])
    for name in _FILTERS:
        op.create_index(
            f"order_{name}_idx", "order", [name, "order_id"], postgresql_where=sa.text(f"{name} IS NOT NULL")
        )


def downgrade() -> None:
    """Drop them."""
    for name in (*_FILTERS, "status", *_SORTS):
        op.drop_index(f"order_{name}_idx", table_name="order")
