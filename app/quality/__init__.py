"""Evaluate, calibrate and train: use cases over measures."""
