"""Search products by words and by meaning."""
