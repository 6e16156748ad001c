"""The servers that ours is compared with. Each answers the same questions over the same tables with the same rules."""
