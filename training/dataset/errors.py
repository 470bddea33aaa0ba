"""The one error that a user of the data set commands is meant to read."""


class DatasetError(Exception):
    """Something about the data, a file or an option is wrong; the text names it and what is allowed."""
