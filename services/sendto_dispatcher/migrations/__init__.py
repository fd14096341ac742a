"""The history of the dispatcher's schema."""
