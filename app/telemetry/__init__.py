"""Record what was served: log lines, metrics, served lists."""
