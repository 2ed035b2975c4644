"""Pure functions that turn similarities into an ordered, meaningful answer."""
