"""Headers of other people: which row they stand in, and which field of ours each means."""
