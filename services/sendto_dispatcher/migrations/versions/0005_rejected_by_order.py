"""Rejected events are found by their order."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "rejected_event_order_idx",
        "rejected_event",
        ["order_id"],
        unique=False,
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "rejected_event_order_idx", table_name="rejected_event", postgresql_where=sa.text("order_id IS NOT NULL")
    )
