"""What is served: a snapshot, its changes, its encoder and its calibration at one revision."""
