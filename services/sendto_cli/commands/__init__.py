"""One module per command; each offers `register(app)` and imports what it needs only when it runs."""
