"""A person is found by the customer's email address without looking at every customer.

The buyer's is among what is searched. Made while customers are written; cut short, it begins again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS customer_email_idx")  # one that was cut short
        op.create_index(
            "customer_email_idx", "customer", [sa.text("lower(email)"), "order_id"], postgresql_concurrently=True
        )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("customer_email_idx", table_name="customer")
