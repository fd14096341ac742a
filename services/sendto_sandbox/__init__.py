"""The sandbox: a real HTTP server that behaves like a shipment provider, well or badly, and shows what it holds."""
