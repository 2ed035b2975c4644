"""How a text is read: pure functions that ingest and ranking both use."""
