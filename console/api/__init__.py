"""The API under /api/v1: what programs may do in a person's name, by the same rules as that person's pages."""
