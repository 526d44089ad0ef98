"""The worker processes and their clients."""
