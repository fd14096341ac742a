"""Lists filtered by location or assignee, and counts by status, need to look at no order: the indexes hold enough.

Each new index is made beside the old one, which goes then: no writer is held up, and no list is slow meanwhile. Cut
short, it begins again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SORTS = ("order_date_time", "date_added", "date_modified", "order_total", "last_name")
_COVERED = ("customer_id", "location_id", "status_id", "assignee_id", "order_type", *_SORTS)


def upgrade() -> None:
    """Exchange them."""
    with op.get_context().autocommit_block():
        _exchange("status", "idx", "covering_idx", include=["status_id"])
        for name in ("location_id", "assignee_id"):
            _exchange(name, "idx", "covering_idx", include=[column for column in _COVERED if column != name])


def downgrade() -> None:
    """Exchange them for those that hold less."""
    with op.get_context().autocommit_block():
        for name in ("assignee_id", "location_id", "status"):
            _exchange(name, "covering_idx", "idx", include=[])


def _exchange(name: str, old: str, new: str, *, include: list[str]) -> None:
    op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS order_{name}_{new}")  # one that was cut short
    op.create_index(
        f"order_{name}_{new}",
        "order",
        [sa.text("coalesce(status_id, 0)") if name == "status" else name, "order_id"],
        postgresql_concurrently=True,
        postgresql_include=include,
        postgresql_where=None if name == "status" else sa.text(f"{name} IS NOT NULL"),
    )
    op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS order_{name}_{old}")
