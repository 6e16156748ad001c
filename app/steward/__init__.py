"""The steward's tools: explain, access, diff, dictionary, policy tests, comparison with the sources, a first project."""
