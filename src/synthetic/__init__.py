"""Generate a synthetic shop."""
