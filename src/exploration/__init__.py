"""Profile the data of a shop."""
