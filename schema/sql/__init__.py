"""SQL as callers may write it: which forms and functions, as data; no policy."""
