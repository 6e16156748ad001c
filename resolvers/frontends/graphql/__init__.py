"""GraphQL: text and variables to a LogicalQuery. graphql-core parses and validates; nothing is executed per field."""
