"""Lists of ops find what they are asked for by an index: unrouted orders, rejected events by reason and source."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_REJECTED = {
    "rejected_event_reason_idx": ["reason", "id"],
    "rejected_event_source_idx": ["source", "id"],
    "rejected_event_source_reason_idx": ["source", "reason", "id"],
}


def upgrade() -> None:
    """Make them."""
    for name, columns in _REJECTED.items():
        op.create_index(name, "rejected_event", columns, unique=False)
    op.create_index(
        "order_state_unrouted_idx",
        "order_state",
        ["order_id", "source"],
        unique=False,
        postgresql_where=sa.text("route = 'unrouted' AND present"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index("order_state_unrouted_idx", table_name="order_state")
    for name in _REJECTED:
        op.drop_index(name, table_name="rejected_event")
