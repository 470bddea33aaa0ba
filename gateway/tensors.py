"""Arrays by the names of a model's inputs and outputs."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy.typing as npt

Tensors: TypeAlias = Mapping[str, npt.NDArray[Any]]
