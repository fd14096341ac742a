"""What the services share, and what adapter authors build on: `sdk`, `events`, `kernel`, `runtime`."""
