"""The kinds of nodes, a module each: what stands in a document, and what is done there."""
