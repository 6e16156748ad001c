"""How the world gets in: HTTP, tokens, settings, the command line."""
