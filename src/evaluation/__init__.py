"""Measure models: metrics, protocols and reports."""
