"""Read files: detect the layout, validate rows, sort events."""
