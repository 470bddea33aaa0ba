"""What stands before a network that is exported from torch: served pixels to the values that its checkpoint reads."""

import torch

from export.processor import Preprocessing
from export.smooth import windows


class Resampling(torch.nn.Module):
    """Planes [n, c, before, before] to [n, c, after, after], bilinear with smoothing, rows and then columns: each a few
    at a time, as products of small matrices with what they reach.
    """

    reads: torch.Tensor
    weights: torch.Tensor

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        blocks = windows(before, after)
        self._after, self._shape = after, blocks.reads.shape
        self.register_buffer("reads", torch.from_numpy(blocks.reads.reshape(-1)), persistent=False)
        self.register_buffer("weights", torch.from_numpy(blocks.weights), persistent=False)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        return self._rows(self._rows(planes))

    def _rows(self, planes: torch.Tensor) -> torch.Tensor:
        """Shrinks the rows, then turns the planes."""
        count, channels, _, width = planes.shape
        read = planes.index_select(2, self.reads).reshape(count, channels, *self._shape, width)
        return (self.weights @ read).reshape(count, channels, self._after, width).transpose(2, 3)


class Entrance(torch.nn.Module):
    """`pixels` UINT8 [n, size, size, 3] to `pixel_values` FP32 [n, 3, side, side], resized with smoothing."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, preprocessing: Preprocessing, size: int, side: int) -> None:
        super().__init__()
        self._scale = preprocessing.scale
        for name, values in (("mean", preprocessing.mean), ("deviation", preprocessing.std)):
            self.register_buffer(name, torch.tensor(values).reshape(1, 3, 1, 1), persistent=False)
        self._centres = any(preprocessing.mean) or any(one != 1 for one in preprocessing.std)
        self.resize = torch.nn.Identity() if size == side else Resampling(size, side)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        pictures = pixels.float().permute(0, 3, 1, 2)  # TensorRT has eight-bit integers only at its ends
        planes: torch.Tensor = self.resize(pictures) * self._scale
        return (planes - self.mean) / self.deviation if self._centres else planes
