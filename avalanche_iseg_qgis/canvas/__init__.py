"""Items and map tool on the map canvas: mask, prompts, outline."""
