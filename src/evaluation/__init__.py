"""Whether a model is any good: metrics, protocols, and the report that says so."""
