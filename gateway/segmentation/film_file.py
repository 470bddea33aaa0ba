"""What a file of a video's job is to the one who fills it."""

from typing import Protocol

from gateway.segmentation.segmenter import Segmented
from gateway.video.reader import Frame


class FilmFile(Protocol):
    """Takes one frame after the other, in order."""

    def add(self, frame: Frame, segmented: Segmented) -> None: ...
