"""How much room the claims have under other seeds."""
