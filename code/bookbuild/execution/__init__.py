"""Executing pages: what is stale, how many at once, in which kernels, and what is kept."""
