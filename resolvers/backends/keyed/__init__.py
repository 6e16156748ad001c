"""Sources that answer by key instead of in SQL: feature stores by entity, model endpoints by inputs."""
