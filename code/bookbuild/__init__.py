"""What builds the book. Readers never import it."""
