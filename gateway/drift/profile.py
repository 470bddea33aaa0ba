"""The reference: how the pictures looked that a network was evaluated with, as the evaluation wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Floats = NDArray[np.float64]
NAME, EMBEDDINGS = "profile.json", "profile.npz"
FORMAT = 1
MAX_BYTES = 16_000_000
MAX_EMBEDDINGS = 2000
TOLERANCE = 1e-3


class ProfileError(Exception):
    """A profile that cannot be used; the text says why and what one has to be."""


class Bins(BaseModel):
    """How often a figure fell between neighbouring edges; values beyond the outer edges belong to the outer bins."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    edges: Annotated[tuple[float, ...], Field(min_length=3, max_length=513)]
    shares: Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], Field(min_length=2, max_length=512)]

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if len(self.edges) != len(self.shares) + 1:
            raise ValueError(f"{len(self.edges)} edges need {len(self.edges) - 1} shares, not {len(self.shares)}")
        if not np.all(np.isfinite(self.edges)) or np.any(np.diff(self.edges) <= 0):
            raise ValueError("edges have to be finite and to rise")
        if abs(sum(self.shares) - 1) > TOLERANCE:
            raise ValueError(f"shares have to be 1 together, not {sum(self.shares):.4f}")
        return self


class Profile(BaseModel):
    """`profile.json`; `pictures` is how many it was made of."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: Annotated[int, Field(ge=FORMAT, le=FORMAT)]
    network: Annotated[str, Field(min_length=1, max_length=100)]
    pictures: Annotated[int, Field(ge=20)]
    figures: Annotated[Mapping[str, Bins], Field(min_length=1, max_length=64)]


@dataclass(frozen=True, eq=False)
class Reference:
    """A profile with its embeddings, FP32 [n, d]; n is 0 where it has none."""

    profile: Profile
    embeddings: NDArray[np.float32]


def load(path: Path) -> Reference:
    """A profile and, where there is one, the file of embeddings beside it. Raises ProfileError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ProfileError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB")
        profile = Profile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ProfileError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:5])
        raise ProfileError(f"{path} is no profile of format {FORMAT}: {found}") from error
    return Reference(profile, _embeddings(path.with_name(EMBEDDINGS)))


def _embeddings(path: Path) -> NDArray[np.float32]:
    if not path.is_file():
        return np.zeros((0, 0), np.float32)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = np.asarray(arrays["embeddings"])
    except (OSError, ValueError, KeyError) as error:
        raise ProfileError(f"{path} has no array `embeddings`: {error!r}") from error
    if found.ndim != 2 or found.dtype.kind != "f" or not np.all(np.isfinite(found)):  # noqa: PLR2004 - [n, d]
        raise ProfileError(f"{path}: `embeddings` has to be finite floats [n, d], not {found.dtype} {found.shape}")
    return found[:MAX_EMBEDDINGS].astype(np.float32)
