"""Settings as trees, and the formats that carry them to a device."""
