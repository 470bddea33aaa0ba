"""The one error that a user of the shelf commands is meant to read."""


class ShelvesError(Exception):
    """Something about the data, a checkpoint or an option is wrong; the text names it and what is allowed."""
