"""A multipart form taken apart as it comes in: its files and small fields, in memory, within the limits of a route."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from python_multipart.multipart import parse_options_header

from gateway import limits
from gateway.errors import InvalidUploadError

if TYPE_CHECKING:  # the parser's types exist for type checkers only
    from python_multipart.multipart import MultipartCallbacks

Fields: TypeAlias = dict[str, str]


@dataclass(frozen=True, slots=True)
class FormShape:
    """What a route takes: the name of the field with the picture (or `what` else), how large any other may be, how many
    of those, and how many pictures. Several may come to more bytes than one.
    """

    file_field: str
    max_field_bytes: int
    max_fields: int = 8
    max_files: int = 1
    what: str = "picture"


class Preamble:
    """What may stand before the first boundary (RFC 2046, 5.1.1); the parser takes it for a broken form."""

    def __init__(self, boundary: bytes) -> None:
        self._first = b"\n--" + boundary
        self._seen = b"\n"
        self._is_over = False

    def without(self, chunk: bytes) -> bytes:
        """The part of `chunk` that belongs to the form."""
        if self._is_over:
            return chunk
        self._seen += chunk
        start = self._seen.find(self._first)
        self._is_over = start >= 0
        if self._is_over:
            return self._seen[start + 1 :]
        self._seen = self._seen[1 - len(self._first) :]
        return b""


@dataclass(slots=True)
class FormFile:
    data: bytearray
    name: str
    too_large: bool = False

    def take(self) -> bytes:
        """What has come since the last time."""
        data = bytes(self.data)
        self.data.clear()
        return data


class FormParts:
    """What the parser's callbacks have gathered so far."""

    def __init__(self, shape: FormShape, max_bytes: int, max_total_bytes: int | None = None) -> None:
        self.files: list[FormFile] = []
        self.max_total_bytes = max_bytes if max_total_bytes is None else max_total_bytes
        self.fields: dict[str, bytearray] = {}
        self.complete = False
        self.shape = shape
        self._max_bytes = max_bytes
        self._header, self._value = bytearray(), bytearray()
        self._disposition = b""
        self._part = bytearray()
        self._part_bytes = 0
        self._part_limit = 0
        self._unchosen: str | None = None

    def texts(self) -> Fields:
        """The fields that are no pictures."""
        return {name: value.decode("utf-8", "replace") for name, value in self.fields.items()}

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._open_part,
            "on_part_data": self._fill_part,
            "on_end": self._end,
        }

    def _begin_part(self) -> None:
        self._disposition = b""
        self._part_bytes = 0

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _open_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        # A browser sends an input without a chosen file like this; a part that holds a byte after all is a file.
        self._unchosen = name if options.get(b"filename") == b"" else None
        if self._unchosen is None:
            if name == self.shape.file_field or b"filename" in options:
                self._open_file(name, options.get(b"filename", b"").decode("utf-8", "replace"))
            else:
                self._open_field(name)

    def _open_file(self, name: str, filename: str) -> None:
        field, most = self.shape.file_field, self.shape.max_files
        if name != field or len(self.files) == most:
            allowed = "one" if most == 1 else str(most)
            raise InvalidUploadError(f"the form holds more or other files than {allowed} in its field '{field}'")
        self._part = bytearray()
        self.files.append(FormFile(self._part, filename))
        self._part_limit = self._max_bytes

    def _open_field(self, name: str) -> None:
        if len(self.fields) >= self.shape.max_fields:
            raise InvalidUploadError(f"the form has more than {self.shape.max_fields} fields")
        if name in self.fields:
            raise InvalidUploadError("the form has a field twice")
        self._part = self.fields[name] = bytearray()
        self._part_limit = self.shape.max_field_bytes

    def _fill_part(self, data: bytes, start: int, end: int) -> None:
        if self._unchosen is not None:
            self._open_file(self._unchosen, "")
            self._unchosen = None
        self._part_bytes += end - start
        if self._part_bytes <= self._part_limit:
            self._part += data[start:end]
        elif not self.files or self._part is not self.files[-1].data:
            raise InvalidUploadError(f"a field of the form is larger than {self._part_limit} bytes")
        elif self.shape.max_files == 1:
            limits.check_size(self._part_bytes, self._max_bytes, self.shape.what)
        else:
            self._spill(self.files[-1])

    def _spill(self, file: FormFile) -> None:
        """Of a picture that is too large among others nothing is kept."""
        file.too_large = True
        file.data.clear()
        self._part_limit = -1

    def _end(self) -> None:
        self.complete = True
