"""Cameras of photos: poses from points that are known in the photo and on the map."""
