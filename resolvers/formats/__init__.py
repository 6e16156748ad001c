"""How the answer to a question in SQL is written as bytes. Knows no HTTP and no policy; imported when SQL is asked."""
