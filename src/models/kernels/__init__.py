"""Compiled training loops and other training code. Serving never imports them."""
