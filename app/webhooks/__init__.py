"""Messages sent from the outbox."""
