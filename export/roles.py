"""What can be exported: one entry per network of the model repository, data only."""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

from export.errors import UsageError

Precision = Literal["fp32", "fp16", "int8"]
Family = Literal["segformer", "remote", "onnx"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


@dataclass(frozen=True)
class Tolerance:
    """How far a matte may be from its reference, in levels of 1/255."""

    largest: float
    mean: float


# Half precision moves a soft edge by a few levels. Eight-bit weights may move single edge pixels by a quarter
# of the range, the mean hardly.
MATTE_TOLERANCE: MappingProxyType[Precision, Tolerance] = MappingProxyType(
    {"fp32": Tolerance(1, 0.01), "fp16": Tolerance(8, 0.1), "int8": Tolerance(64, 2.0)}
)


@dataclass(frozen=True)
class Role:
    """`pixels` UINT8 [size, size, 3] RGB in, `alpha` UINT8 [size, size] out; `families` are what it takes."""

    name: str
    size: int
    families: tuple[Family, ...]
    tolerance: MappingProxyType[Precision, Tolerance] = field(default_factory=lambda: MATTE_TOLERANCE)


_ROLES = (
    Role("step_matte", 512, ("segformer",)),
    Role("main_matte", 1024, ("segformer", "remote", "onnx")),
    Role("product_matte", 1024, ("segformer", "remote", "onnx")),
)
ROLES: MappingProxyType[str, Role] = MappingProxyType({role.name: role for role in _ROLES})


def role_named(name: str) -> Role:
    if name not in ROLES:
        raise UsageError(f"unknown role {name!r}; roles: {', '.join(ROLES)}")
    return ROLES[name]
