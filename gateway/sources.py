"""Reads the picture's URL out of `/crop?...` or `/classify?...`, where the whole query string may be the URL itself."""

import re
from urllib.parse import parse_qsl, unquote

from gateway.errors import InvalidOptionError, InvalidUrlError

BARE = re.compile(r"https?://", re.IGNORECASE)
QUOTED = re.compile(r"https?(%3A|:)(%2F|/)(%2F|/)", re.IGNORECASE)
URL_NAMES = ("image_url", "url")


def picture_source(query: str, route: str, options: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """The picture's URL and the options that are given beside it, from the raw query string of a request to `route`.

    Three forms are read: `?https://host/a.jpg?b=c&d=e` (the URL as it is, with its own query),
    `?https%3A%2F%2Fhost%2Fa.jpg` (the same percent-encoded) and `?image_url=https%3A%2F%2F...&output=alpha`; only the
    last has room for options. Raises InvalidUrlError or InvalidOptionError.
    """
    if BARE.match(query):
        return query, {}
    if QUOTED.match(query):
        # Clients that build queries from names and values send a name without a value as "name=".
        return unquote(query.removesuffix("=")), {}
    given = dict(parse_qsl(query, keep_blank_values=True))
    url = next((given.pop(name) for name in URL_NAMES if name in given), "")
    if not url:
        raise InvalidUrlError(f"the picture's URL is missing: {route}?<image_url> or {route}?image_url=<image_url>")
    if unknown := sorted(set(given) - set(options)):
        allowed = ", ".join(("image_url", *options))
        raise InvalidOptionError(
            f"unknown option {', '.join(unknown)}; allowed: {allowed}. Percent-encode the image_url"
        )
    return url, given
