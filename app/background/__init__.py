"""Run the scheduler, the trainer process and the data profile beside the requests."""
