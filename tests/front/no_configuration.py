"""Gunicorn's defaults, in place of the configuration in the project's folder."""
