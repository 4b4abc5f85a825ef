"""HTTP calls and pages: parse, ask, respond."""
