"""The survey worker: camera poses, outlines on the map, map outlines in pictures."""
