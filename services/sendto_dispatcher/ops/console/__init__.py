"""The console: pages for ops, rendered here, that update themselves."""
