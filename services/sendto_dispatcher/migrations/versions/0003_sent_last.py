"""What must really be sent once more, what may not go out yet, and which lanes were probed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("lane", sa.Column("resend_generation", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("lane", sa.Column("not_before", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "provider_state",
        sa.Column(
            "probed_lanes", postgresql.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'::bigint[]"), nullable=False
        ),
    )


def downgrade() -> None:
    op.drop_column("provider_state", "probed_lanes")
    op.drop_column("lane", "not_before")
    op.drop_column("lane", "resend_generation")
