"""Reads the picture's URL out of `/crop?...`, where the whole query string may be the URL itself."""

import re
from urllib.parse import parse_qsl, unquote

from gateway.errors import InvalidOptionError, InvalidUrlError

BARE = re.compile(r"https?://", re.IGNORECASE)
QUOTED = re.compile(r"https?(%3A|:)(%2F|/)(%2F|/)", re.IGNORECASE)
URL_NAMES = ("image_url", "url")
ALLOWED = ("image_url", "output")


def crop_source(query: str) -> tuple[str, str | None]:
    """The picture's URL and the value of `output`, from the raw query string of a request.

    Three forms are read: `?https://host/a.jpg?b=c&d=e` (the URL as it is, with its own query),
    `?https%3A%2F%2Fhost%2Fa.jpg` (the same percent-encoded) and `?image_url=https%3A%2F%2F...&output=alpha`.
    Raises InvalidUrlError or InvalidOptionError.
    """
    if BARE.match(query):
        return query, None
    if QUOTED.match(query):
        # Clients that build queries from names and values send a name without a value as "name=".
        return unquote(query.removesuffix("=")), None
    return _named(query)


def _named(query: str) -> tuple[str, str | None]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    url = next((given.pop(name) for name in URL_NAMES if name in given), "")
    output = given.pop("output", None)
    if not url:
        raise InvalidUrlError("the picture's URL is missing: /crop?<image_url> or /crop?image_url=<image_url>")
    if given:
        raise InvalidOptionError(
            f"unknown option {', '.join(sorted(given))}; allowed: {', '.join(ALLOWED)}. Percent-encode the image_url"
        )
    return url, output
