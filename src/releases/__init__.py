"""Write, verify, gate and activate releases."""
