"""The wire of BST: schemas, OpenAPI, signing vectors, examples."""
