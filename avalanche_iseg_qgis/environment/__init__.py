"""The Python environment of the workers, made in the user's profile: no widgets here."""
