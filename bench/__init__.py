"""What is measured, against whom. Each module prints a table; none of them is a test."""
