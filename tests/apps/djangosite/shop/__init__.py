"""The only application of the project."""
