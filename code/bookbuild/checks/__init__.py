"""What is checked of sources, outputs and the site."""
