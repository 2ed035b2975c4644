"""Records read, written and loaded from files."""
