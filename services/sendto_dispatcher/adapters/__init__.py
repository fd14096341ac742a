"""The built-in adapters; they come in through the same door as any plugin."""
