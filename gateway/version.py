"""The version of this installation."""

from importlib import metadata


def version() -> str:
    """As installed; `unknown` where the folders are used without an installation."""
    try:
        return metadata.version("darkroom")
    except metadata.PackageNotFoundError:
        return "unknown"
