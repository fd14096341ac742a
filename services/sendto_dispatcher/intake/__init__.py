"""From the topic to order states and lanes; never waits for a provider."""
