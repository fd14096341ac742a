"""A person is found by the email address without looking at every order state.

Made while order states are written; cut short, it begins again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS order_state_email_idx")  # one that was cut short
        op.create_index(
            "order_state_email_idx",
            "order_state",
            [sa.text("lower(customer ->> 'email')")],
            postgresql_where=sa.text("customer IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("order_state_email_idx", table_name="order_state")
