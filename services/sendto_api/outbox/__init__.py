"""Events stored with the change they tell of, and the relay that publishes them."""
