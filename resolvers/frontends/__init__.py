"""Front ends: how a question is read. Each turns a text into a LogicalQuery and knows no policy."""
