"""Hold client connections: read whole requests and write answers without occupying a thread."""
