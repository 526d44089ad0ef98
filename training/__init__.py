"""Training of click models: losses, simulated clicks, augmentation, data tools, the trainer."""
