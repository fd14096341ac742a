"""The oldest lanes are found beside the count."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what was found, and when to look again."""
    op.add_column(
        "lane_census",
        sa.Column(
            "oldest", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
    )
    op.add_column(
        "lane_census",
        sa.Column("oldest_next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("oldest_next_at", "oldest"):
        op.drop_column("lane_census", name)
