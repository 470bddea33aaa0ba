"""Whether a client has a result already, by its If-None-Match header (RFC 9110, 13.1.2)."""

import re

TAG = re.compile(r'(?:W/)?("[^"]*")')
ANY = "*"


def is_among(etag: str, if_none_match: str) -> bool:
    """Whether the header names `etag`, strong or weak; `*` names whatever there is."""
    return if_none_match.strip() == ANY or etag in TAG.findall(if_none_match)
