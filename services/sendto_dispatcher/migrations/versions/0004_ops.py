"""Applications of the routes, and what each process says of itself."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TOLD = ("lag", "unready", "broken")


def upgrade() -> None:
    for name in _TOLD:
        op.add_column(
            "replica",
            sa.Column(
                name,
                postgresql.JSONB(astext_type=sa.Text()),
                server_default=sa.text("'{}'::jsonb"),
                nullable=False,
            ),
        )
    op.add_column("replica", sa.Column("refused", sa.Text(), nullable=True))
    op.create_table(
        "ops_reroute",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("token_name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("known", sa.BigInteger(), nullable=False),
        sa.Column("looked_at", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("routed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lanes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("after_order_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("after_source", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_by", sa.Text(), nullable=True),
        sa.Column("stopped", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("ops_reroute_pkey")),
    )
    op.create_index(
        "ops_reroute_unfinished_idx",
        "ops_reroute",
        ["digest"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ops_reroute_unfinished_idx", table_name="ops_reroute", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_table("ops_reroute")
    for name in ("refused", *_TOLD):
        op.drop_column("replica", name)
