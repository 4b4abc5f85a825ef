"""Choose hyperparameters and ensemble weights on held-out data."""
