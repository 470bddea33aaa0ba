"""What stands before a network that is exported from torch: served pixels to the values that its checkpoint reads."""

import numpy as np
import torch

from export.processor import Preprocessing
from export.smooth import triangle


class Entrance(torch.nn.Module):
    """`pixels` UINT8 [n, size, size, 3] to `pixel_values` FP32 [n, 3, side, side], resized with smoothing."""

    mean: torch.Tensor
    deviation: torch.Tensor
    resize: torch.Tensor

    def __init__(self, preprocessing: Preprocessing, size: int, side: int) -> None:
        super().__init__()
        self._scale = preprocessing.scale
        for name, values in (("mean", preprocessing.mean), ("deviation", preprocessing.std)):
            self.register_buffer(name, torch.tensor(values).reshape(1, 3, 1, 1), persistent=False)
        self._centres = any(preprocessing.mean) or any(one != 1 for one in preprocessing.std)
        self._resizes = size != side
        matrix = triangle(size, side) if self._resizes else np.zeros(0)
        self.register_buffer("resize", torch.from_numpy(matrix.astype(np.float32)), persistent=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        planes = pixels.float().permute(0, 3, 1, 2)  # TensorRT has eight-bit integers only at its ends
        if self._resizes:
            planes = self.resize @ planes @ self.resize.T
        planes = planes * self._scale
        return (planes - self.mean) / self.deviation if self._centres else planes
