"""What joins the picture in hand with the ground that it shows."""
