"""Check keys, bodies, rates and browser requests."""
