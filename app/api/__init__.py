"""HTTP: one file a resource, schemas beside them, no logic."""
