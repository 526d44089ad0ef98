"""What the user has told the model about one object, with undo and redo."""
