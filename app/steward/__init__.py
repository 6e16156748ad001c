"""The steward's tools: explain, access, diff, dictionary, policy tests, a look at the sources, a first project."""
