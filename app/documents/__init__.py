"""Trusted documents: GraphQL operations registered before they are asked, addressed by hash or name."""
