"""The routes, one module a subject. Each is a function from what it needs to Litestar handlers."""
