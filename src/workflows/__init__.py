"""Use cases: the commands, the HTTP calls and the scheduler call them."""
