"""What we did at the gateway and what we delivered, as an append-only, hash-chained list of events."""
