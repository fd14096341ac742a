"""The dispatcher: takes customer events from the topic and makes every shipment provider hold the newest state."""
