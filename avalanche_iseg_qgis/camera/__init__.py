"""The Camera dock: poses webcams by pairing points of a picture with points of the map."""
