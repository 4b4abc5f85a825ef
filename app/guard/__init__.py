"""Who may do what, how often, and with what kind of request."""
