"""What can be exported: one entry per network of the model repository, data only."""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from export.errors import UsageError

Precision = Literal["fp32", "fp16", "int8"]
Family = Literal["segformer", "remote", "onnx", "clip", "dinov2", "dinov3", "mtcnn"]
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


# The largest difference of a probability, or of a move as a fraction of the box.
FACE_TOLERANCE: MappingProxyType[Precision, float] = MappingProxyType({"fp32": 1e-4, "fp16": 2e-2, "int8": 5e-2})


@dataclass(frozen=True)
class FaceRole:
    """`pixels` FP32 [size, size, 3] in, RGB from 0 to 255: averages over parts of a picture, which are no whole levels.
    `outputs` are FP32, with their shapes for one. Where `packed`, several pictures lie on one sheet.
    """

    name: str
    size: int
    outputs: MappingProxyType[str, tuple[int, ...]]
    packed: bool = False
    families: tuple[Family, ...] = ("mtcnn",)
    tolerance: MappingProxyType[Precision, float] = field(default_factory=lambda: FACE_TOLERANCE)


def _face(name: str, size: int, places: tuple[int, ...], **more: tuple[int, ...]) -> FaceRole:
    shapes = {"probability": places or (1,), "regression": (*places, 4), **more}
    return FaceRole(name, size, MappingProxyType(shapes), packed=bool(places))


Role: TypeAlias = MatteRole | EmbedderRole | FaceRole

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
    _face("face_pnet", 256, (123, 123)),
    _face("face_rnet", 24, ()),
    _face("face_onet", 48, (), landmarks=(10,)),
)
ROLES: MappingProxyType[str, Role] = MappingProxyType({role.name: role for role in _ROLES})


# What is exported together, from one checkpoint.
GROUPS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {"face_detector": ("face_pnet", "face_rnet", "face_onet")}
)


def roles_named(name: str) -> list[Role]:
    """One role, or all of a group."""
    return [role_named(one) for one in GROUPS.get(name, (name,))]


def role_named(name: str) -> Role:
    if name not in ROLES:
        raise UsageError(f"unknown role {name!r}; roles: {', '.join([*ROLES, *GROUPS])}")
    return ROLES[name]
