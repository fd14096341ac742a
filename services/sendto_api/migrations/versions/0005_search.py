"""What finds orders by a part of a name, an email or a telephone: the three-letter parts of each order's texts.

A trigger keeps them, so that whoever writes an order cannot forget them, and whoever erases a person from it cannot
leave them behind.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TEXT = r"""
CREATE FUNCTION order_text(first_name text, last_name text, email text, telephone text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN lower(first_name || ' ' || last_name || E'\n' || email || E'\n' || coalesce(telephone, ''))
"""
# Split into threes from the first, the second and the third letter on: all parts, and the one or two letters at the
# end. No field holds a control character, so one of them can stand between.
_PARTS = r"""
CREATE FUNCTION order_text_parts(text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN array_to_tsvector(array_remove(string_to_array(
    regexp_replace($1, '(...)', E'\\1\x01', 'g') || E'\x01'
    || regexp_replace(substr($1, 2), '(...)', E'\\1\x01', 'g') || E'\x01'
    || regexp_replace(substr($1, 3), '(...)', E'\\1\x01', 'g'), E'\x01'), ''))
"""
# The parts that follow one another without a gap, and the last one; overlapping ones would tell the planner, which
# takes each for independent, of far fewer orders than there are. One or two letters are the beginning of parts.
_ASKED = r"""
CREATE FUNCTION order_text_query(text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT string_agg('''' || replace(replace(substr($1, n, 3), '\', '\\'), '''', '''''') || ''''
        || CASE WHEN length($1) < 3 THEN ':*' ELSE '' END, ' & ')::tsquery
    FROM (SELECT generate_series(1, length($1) - 2, 3) UNION SELECT greatest(1, length($1) - 2)) AS start(n))
"""
_KEEP = """
CREATE FUNCTION keep_order_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO order_search (order_id, parts)
    VALUES (new.order_id, order_text_parts(order_text(new.first_name, new.last_name, new.email, new.telephone)))
    ON CONFLICT (order_id) DO UPDATE SET parts = excluded.parts;
    RETURN NULL;
END $$
"""
_TRIGGER = """
CREATE TRIGGER order_search AFTER INSERT OR UPDATE OF first_name, last_name, email, telephone ON "order"
FOR EACH ROW EXECUTE FUNCTION keep_order_search()
"""


def upgrade() -> None:
    """Make the table, and keep it from now on; orders that are there follow with the next migration."""
    op.create_table(
        "order_search",
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("parts", postgresql.TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["order.order_id"], name=op.f("order_search_order_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("order_search_pkey")),
    )
    # What waits to be sorted into the index is looked at by every search: not more than a little of it.
    op.create_index(
        "order_search_parts_idx",
        "order_search",
        ["parts"],
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 512},
    )
    for statement in (_TEXT, _PARTS, _ASKED, _KEEP, _TRIGGER):
        op.execute(statement)


def downgrade() -> None:
    """Undo it."""
    op.execute('DROP TRIGGER order_search ON "order"')
    op.execute("DROP FUNCTION keep_order_search()")
    op.drop_table("order_search")
    op.execute("DROP FUNCTION order_text_query(text)")
    op.execute("DROP FUNCTION order_text_parts(text)")
    op.execute("DROP FUNCTION order_text(text, text, text, text)")
