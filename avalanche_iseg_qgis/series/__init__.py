"""A series of webcam photos: looked through one by one, with what was found noted beside them."""
