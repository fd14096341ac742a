"""What every service runs on: settings, logs, PostgreSQL, Kafka, health, HTTP serving, background loops."""
