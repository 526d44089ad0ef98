"""On the map canvas: the mask, the prompts, the tool that makes them."""
