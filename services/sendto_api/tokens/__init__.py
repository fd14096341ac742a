"""Bearer tokens with permissions."""
