"""The API: stores orders and each order's one customer, and emits what changed through an outbox."""
