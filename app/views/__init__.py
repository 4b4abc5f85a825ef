"""Prepare what the templates show."""
