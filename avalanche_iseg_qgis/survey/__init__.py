"""The survey worker process: cameras, outlines on the map, map outlines in pictures."""
