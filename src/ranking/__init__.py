"""From several models' opinions to one list."""
