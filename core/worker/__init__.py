"""The segmentation worker: the predictor in a process of its own."""
