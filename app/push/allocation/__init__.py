"""Who gets which patents under a cap and a floor: pure functions."""
