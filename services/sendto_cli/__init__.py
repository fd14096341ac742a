"""The `sendto` command: one module per command, and `sendto up`, which runs everything on one machine."""
