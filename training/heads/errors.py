"""The one error that a user of the collection commands is meant to read."""


class HeadsError(Exception):
    """Something about the data, a file, an address or an option is wrong; the text names it and what is allowed."""
