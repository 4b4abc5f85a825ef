"""Hold the release in memory and make lists with it."""
