"""What can be exported: one entry per network of the model repository, data only."""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from export.errors import UsageError

Precision = Literal["fp32", "fp16", "int8"]
Family = Literal["segformer", "remote", "onnx", "clip", "dinov2", "dinov3", "detr", "state_dict"]
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


# One minus the cosine to the reference.
VECTOR_TOLERANCE: MappingProxyType[Precision, float] = MappingProxyType({"fp32": 1e-6, "fp16": 1e-3, "int8": 1e-3})


@dataclass(frozen=True)
class MatteRole:
    """`pixels` UINT8 [size, size, 3] RGB in, `alpha` UINT8 [size, size] out; `families` are what it takes."""

    name: str
    size: int
    families: tuple[Family, ...]
    tolerance: MappingProxyType[Precision, Tolerance] = field(default_factory=lambda: MATTE_TOLERANCE)


@dataclass(frozen=True)
class Framing:
    """From the upright picture to the network's square: the shorter side is brought to `shorter`, or where that is None
    both sides to `side`; then the middle `side` x `side` is taken. `resample` is Pillow's name of the rule.
    """

    shorter: int | None
    side: int
    resample: str = "bicubic"


@dataclass(frozen=True)
class EmbedderRole:
    """`pixels` UINT8 [side, side, 3] RGB in, `embedding` and the same at length 1, `normalized`, FP32 [width] out."""

    name: str
    framing: Framing
    width: int
    families: tuple[Family, ...]
    tolerance: MappingProxyType[Precision, float] = field(default_factory=lambda: VECTOR_TOLERANCE)

    @property
    def size(self) -> int:
        return self.framing.side


@dataclass(frozen=True)
class BoxTolerance:
    """How far boxes may be from those of the reference: pixels of a picture of 640, score, and the share of boxes that
    have no counterpart at all, since of two queries that are nearly as good now one is taken, now the other.
    """

    largest: float
    mean: float
    score: float
    unmatched: float


BOX_TOLERANCE: MappingProxyType[Precision, BoxTolerance] = MappingProxyType(
    {
        "fp32": BoxTolerance(1.0, 0.05, 0.005, 0.05),
        "fp16": BoxTolerance(8.0, 1.0, 0.05, 0.1),
        "int8": BoxTolerance(16.0, 4.0, 0.15, 0.3),
    }
)


@dataclass(frozen=True)
class DetectorRole:
    """`pixels` UINT8 RGB in; `boxes` FP32 [count, 4], xmin ymin xmax ymax as shares of width and height, and `scores`
    FP32 [count] out, the best first. Pictures are squeezed to [size, size, 3], or where `count` is None they come at
    their own size, one at a time, with as many boxes as are found; `size` is then what they are tried at.
    """

    name: str
    size: int
    count: int | None
    families: tuple[Family, ...]
    tolerance: MappingProxyType[Precision, BoxTolerance] = field(default_factory=lambda: BOX_TOLERANCE)


Role: TypeAlias = MatteRole | EmbedderRole | DetectorRole

_ROLES: tuple[Role, ...] = (
    MatteRole("step_matte", 512, ("segformer",)),
    MatteRole("main_matte", 1024, ("segformer", "remote", "onnx")),
    MatteRole("product_matte", 1024, ("segformer", "remote", "onnx")),
    EmbedderRole("embed_clip_vit_b_32", Framing(224, 224), 512, ("clip",)),
    EmbedderRole("embed_clip_vit_b_16", Framing(224, 224), 512, ("clip",)),
    EmbedderRole("embed_clip_vit_l_14", Framing(224, 224), 768, ("clip",)),
    EmbedderRole("embed_clip_vit_l_14_336", Framing(336, 336), 768, ("clip",)),
    EmbedderRole("embed_dino_v2_vit_b_14", Framing(256, 224), 768, ("dinov2",)),
    EmbedderRole("embed_dino_v3_vit_l_16", Framing(None, 224, "bilinear"), 1024, ("dinov3",)),
    DetectorRole("person_detector", 640, 300, ("detr",)),
    DetectorRole("person_detector_faster_rcnn", 640, None, ("state_dict",)),
)
ROLES: MappingProxyType[str, Role] = MappingProxyType({role.name: role for role in _ROLES})


def role_named(name: str) -> Role:
    if name not in ROLES:
        raise UsageError(f"unknown role {name!r}; roles: {', '.join(ROLES)}")
    return ROLES[name]
