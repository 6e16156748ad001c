"""HTTP: the gateway's own thin handler for GraphQL, and the FastAPI application for everything around it."""
