"""One worker process or several behind the zones' listeners, the parent that looks after them, the admin listener."""
