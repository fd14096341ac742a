"""Erasures of persons, so that one that was cut short is gone on with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COUNTS = ("states", "lanes", "kept_bodies", "rejected")


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "ops_erasure",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("token_name", sa.Text(), nullable=False),
        sa.Column(
            "order_ids", postgresql.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'::bigint[]"), nullable=False
        ),
        sa.Column("sources", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False),
        sa.Column("ends", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        *(sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False) for name in _COUNTS),
        sa.Column("began_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("ops_erasure_pkey")),
    )
    op.create_index(
        "ops_erasure_unfinished_idx", "ops_erasure", ["id"], unique=False, postgresql_where=sa.text("ended_at IS NULL")
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("ops_erasure")
