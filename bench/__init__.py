"""Benchmarks against other libraries and against Aisle at rest. Each module prints a table; none is a test."""
