"""Nouns, errors, settings and helpers that every layer may import."""
