"""Aisle: from a shop's events to lists of products. ARCHITECTURE.md draws the house."""
