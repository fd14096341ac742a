"""The history of the API's schema."""
