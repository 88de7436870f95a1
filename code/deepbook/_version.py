"""The version, from the package's metadata: a new one changes no module that a page loads."""

from importlib.metadata import version

__version__ = version("deepbook")
