"""What ops see and steer: health, metrics, the ops API."""
