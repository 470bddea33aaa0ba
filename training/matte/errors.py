"""The one error that a user of the training commands is meant to read."""


class MatteError(Exception):
    """Something about the data, a checkpoint or an option is wrong; the text names the file and the cure."""
