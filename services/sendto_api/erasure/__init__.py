"""Forgetting a person: in orders and customers, in the outbox and in stored answers."""
