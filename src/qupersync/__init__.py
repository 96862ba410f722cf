"""Copies the rows of SQL queries from Amazon Redshift into PostgreSQL tables."""

from importlib.metadata import version


def __getattr__(name: str) -> str:
    """Look up `__version__` only when asked, because it reads the installed metadata from disk."""
    if name == "__version__":
        return version("qupersync")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
