"""The wire contract of the topic: a customer's event, its CloudEvents envelope, and their bytes."""
