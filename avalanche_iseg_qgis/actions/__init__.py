"""What menus and buttons do: save, export, start from, list."""
