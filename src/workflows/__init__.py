"""The use cases that the doors, the API and the scheduler call."""
