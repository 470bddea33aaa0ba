"""Which way up a decoded frame is shown: the display matrix that phones write, in quarter turns and mirrorings."""

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av import VideoFrame

MATRIX = struct.Struct("=9i")


@dataclass(frozen=True, slots=True)
class Orientation:
    """First rows become columns if `transposed`, then columns are reversed if `flip_x`, rows if `flip_y`."""

    transposed: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @property
    def rotation(self) -> int:
        """Clockwise quarter turns in degrees: 0, 90, 180 or 270. Of a mirrored picture, what follows its mirroring."""
        if self.transposed:
            return 90 if self.flip_x else 270
        return 180 if self.flip_y else 0

    @property
    def mirrored(self) -> bool:
        return self.transposed ^ self.flip_x ^ self.flip_y

    def size(self, width: int, height: int) -> tuple[int, int]:
        return (height, width) if self.transposed else (width, height)

    def upright(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """UINT8 [h, w, 3] as it is shown, contiguous; the same array if there is nothing to turn."""
        turned = pixels.swapaxes(0, 1) if self.transposed else pixels
        turned = turned[:, ::-1] if self.flip_x else turned
        turned = turned[::-1] if self.flip_y else turned
        return np.ascontiguousarray(turned)


def orientation_of(frame: "VideoFrame") -> Orientation:
    """Angles between quarter turns count as the nearest one."""
    from av.buffer import Buffer

    data = frame.side_data.get("DISPLAYMATRIX")
    raw = bytes(data) if isinstance(data, Buffer) else b""
    return from_matrix(MATRIX.unpack(raw)) if len(raw) == MATRIX.size else Orientation()


def from_matrix(matrix: tuple[int, ...]) -> Orientation:
    """From ISO 14496-12's matrix, row by row: x' = a x + c y, y' = b x + d y with y downwards."""
    a, b, _, c, d = matrix[:5]
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(transposed=True, flip_x=c < 0, flip_y=b < 0)
    return Orientation(flip_x=a < 0, flip_y=d < 0)
