"""Bearer tokens: from an Authorization header to claims the policies may name."""
