"""From mapped outlines to a fine-tuned model; see `command`."""
