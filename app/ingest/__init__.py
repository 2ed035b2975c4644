"""Files of other people to records or rejects."""
