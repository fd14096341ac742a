"""Makes the orders that were there before found by search, in steps that hold up no writer; indexes their type.

Cut short, it goes on where it was.
"""

from alembic import op
from sqlalchemy import text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_STEP = 5_000
# The lock keeps an order from being deleted before its parts are stored; whoever changes its names is not held up.
_SOME = text("""
WITH orders AS (
    SELECT order_id, first_name, last_name, email, telephone FROM "order"
    WHERE order_id > :after ORDER BY order_id LIMIT :step FOR KEY SHARE),
made AS (
    INSERT INTO order_search (order_id, parts)
    SELECT order_id, order_text_parts(order_text(first_name, last_name, email, telephone)) FROM orders
    ON CONFLICT DO NOTHING)
SELECT max(order_id) FROM orders
""")


def upgrade() -> None:
    """Go through all orders; each step is its own transaction."""
    with op.get_context().autocommit_block():
        after: int | None = 0
        while after is not None:
            after = op.get_bind().execute(_SOME, {"after": after, "step": _STEP}).scalar()
        op.execute("ANALYZE order_search")
        op.execute("DROP INDEX IF EXISTS order_type_idx")  # one that was cut short
        op.create_index("order_type_idx", "order", ["order_type", "order_id"], postgresql_concurrently=True)


def downgrade() -> None:
    """Drop the index; what is searched goes with its table."""
    op.drop_index("order_type_idx", table_name="order")
