"""The patmatch service."""
