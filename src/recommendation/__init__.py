"""Turn model scores into one list."""
