"""Index builds as jobs, and what is known of their snapshots."""
