"""The dispatcher's PostgreSQL: its tables, and all SQL that reads or writes them."""
