"""The lanes in numbers, counted in steps; the oldest change that is still to be applied is found by an index."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BEHIND = "lane_behind_idx"


def upgrade() -> None:
    """Make the table with its row, and leave lanes that rest out of the index."""
    op.create_table(
        "lane_census",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        *(_map(name) for name in ("counts", "part")),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=True) for name in ("counted_at", "began_at")),
        sa.Column("after_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("lane_census_pkey")),
    )
    # Where there is no lane yet, this is a whole count.
    op.execute("INSERT INTO lane_census (id, counted_at) SELECT 1, now() WHERE NOT EXISTS (SELECT FROM lane)")
    op.execute("INSERT INTO lane_census (id) SELECT 1 WHERE EXISTS (SELECT FROM lane)")
    _index("behind_since IS NOT NULL AND resting IS NULL")


def downgrade() -> None:
    """Drop the table, and put the resting lanes back into the index."""
    _index("behind_since IS NOT NULL")
    op.drop_table("lane_census")


def _map(name: str) -> sa.Column[object]:
    return sa.Column(
        name, postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
    )


def _index(condition: str) -> None:
    op.drop_index(_BEHIND, table_name="lane")
    op.create_index(_BEHIND, "lane", ["provider", "behind_since"], unique=False, postgresql_where=sa.text(condition))
