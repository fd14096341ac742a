"""The customer of an order: a singleton below it."""
