"""Push runs: who is asked for, what is found and shared out, and the lists that firms get."""
