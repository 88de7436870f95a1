"""The notebooks that readers download, and the package beside them."""
