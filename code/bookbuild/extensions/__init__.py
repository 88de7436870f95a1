"""The Sphinx extensions that make the site."""
