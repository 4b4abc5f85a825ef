"""Run trainings and the data profile in processes of their own, beside the requests."""
