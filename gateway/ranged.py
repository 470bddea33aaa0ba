"""A file of which a client may ask for a part (RFC 9110, 14)."""

from starlette.responses import FileResponse, MalformedRangeHeader, RangeNotSatisfiable

from gateway.errors import RangeError


class RangedFile(FileResponse):
    """Starlette's, with errors of our shape. A `Range` that is none is ignored, as it should be."""

    @classmethod
    def _parse_range_header(cls, http_range: str, file_size: int) -> list[tuple[int, int]]:
        try:
            return super()._parse_range_header(http_range, file_size)
        except MalformedRangeHeader:
            return []
        except RangeNotSatisfiable as error:
            raise RangeError(f"the file has {file_size} bytes, none of which is in that range") from error
