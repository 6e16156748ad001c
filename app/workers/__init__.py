"""Several worker processes behind one listener, the parent that looks after them, and the admin listener."""
