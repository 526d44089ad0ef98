"""The camera worker: camera poses, outlines on the map, map outlines in photos."""
