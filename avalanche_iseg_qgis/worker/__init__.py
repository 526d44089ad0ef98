"""The worker process: probabilities for prompts."""
