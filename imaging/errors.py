"""What can be wrong with a picture; each text is written for the person who sent it."""

from __future__ import annotations


class ImageError(ValueError):
    """A picture cannot be used; the text names the reason."""


class EmptyInputError(ImageError):
    def __init__(self) -> None:
        super().__init__("the input is empty: send the bytes of an image file")


class NotAnImageError(ImageError):
    def __init__(self) -> None:
        super().__init__("the input is not an image: its first bytes belong to no known image format")


class UnsupportedTypeError(ImageError):
    def __init__(self, found: str) -> None:
        super().__init__(
            f"{found} is not supported: send JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or, where installed, HEIC"
        )


class TruncatedError(ImageError):
    def __init__(self, kind: str) -> None:
        super().__init__(f"the {kind} file is truncated: its end is missing")


class CorruptError(ImageError):
    def __init__(self, kind: str) -> None:
        super().__init__(f"the {kind} file is damaged and cannot be decoded")


class TooManyPixelsError(ImageError):
    def __init__(self, size: tuple[int, int] | None, limit: int) -> None:
        found = "" if size is None else f"{size[0]} x {size[1]}, "
        super().__init__(f"the picture has too many pixels: {found}at most {limit} are allowed")


class TooLongError(ImageError):
    def __init__(self, size: tuple[int, int], limit: int) -> None:
        super().__init__(f"the picture is too long: {size[0]} x {size[1]}, at most {limit} pixels a side are allowed")


class ZeroSizeError(ImageError):
    def __init__(self) -> None:
        super().__init__("the picture has zero size: its width or height is 0")


class ShapeError(ImageError):
    """Arrays handed to a step do not belong together."""
