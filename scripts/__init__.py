"""What ops and developers run: one file a command."""
