"""Compiled training loops. Serving never imports them."""
