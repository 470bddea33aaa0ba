"""What can be exported: one entry per network of the model repository, data only."""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

from export.errors import UsageError
from export.kinds import Family, Precision


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
class TextRole:
    """`ids` INT32 [length], tokens with start and end, filled up with the end, in; vectors as an embedder's out."""

    name: str
    width: int
    families: tuple[Family, ...] = ("clip",)
    length: int = 77
    tolerance: MappingProxyType[Precision, float] = field(default_factory=lambda: VECTOR_TOLERANCE)


@dataclass(frozen=True)
class Relative:
    """How far keys, values and logits may be from their reference: the largest difference as a share of the largest
    value, and the root mean square as a share of the root mean square.
    """

    largest: float
    mean: float


# Half precision rounds each of some hundred sums. Eight-bit weights move single values far, all together little:
# which words that changes is another matter, which only trained weights and pictures of their kind can show.
LOGIT_TOLERANCE: MappingProxyType[Precision, Relative] = MappingProxyType(
    {"fp32": Relative(1e-4, 5e-5), "fp16": Relative(5e-2, 5e-3), "int8": Relative(1.0, 0.2)}
)
Part = Literal["encoder", "decoder"]


@dataclass(frozen=True)
class CaptionerRole:
    """One of a captioner's two networks. They are exported together, as one version of each.

    The encoder takes `pixels` UINT8 [side, side, 3] RGB and gives `cross`, every layer's keys and values of the
    picture. The decoder takes one token of each of b texts of one picture, `ids` INT64 [b], what it noted of the
    tokens before, `past`, and `cross`; it gives the next token's `logits` FP32 [b, vocabulary] and `present`, the past
    of the next step. Layers, heads, tokens and widths are each network's own, so that any decoder fits.
    """

    captioner: str
    part: Part
    framing: Framing
    families: tuple[Family, ...]
    tolerance: MappingProxyType[Precision, Relative] = field(default_factory=lambda: LOGIT_TOLERANCE)

    @property
    def name(self) -> str:
        return f"{self.captioner}_{self.part}"

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


@dataclass(frozen=True)
class BoxTolerance:
    """How far a box may be from its counterpart in the reference's answer: pixels of a picture of 640, at most and on
    average, and score; and the share of boxes that have none so near, since of two queries that are nearly as good now
    one is taken, now the other.
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


# The largest difference of a probability.
KEYWORD_TOLERANCE: MappingProxyType[Precision, float] = MappingProxyType({"fp32": 1e-4, "fp16": 2e-2, "int8": 1e-1})


@dataclass(frozen=True)
class KeywordRole:
    """`pixels` UINT8 [side, side, 3] RGB in; `probabilities` FP32 [n] out, one for each of a version's own labels,
    `scores`, the same, and `labels` UINT8 [bytes], the label file as that version has it, so that who names them cannot
    take another's.
    """

    name: str
    framing: Framing
    families: tuple[Family, ...] = ("clip", "segformer")
    tolerance: MappingProxyType[Precision, float] = field(default_factory=lambda: KEYWORD_TOLERANCE)

    @property
    def size(self) -> int:
        return self.framing.side


@dataclass(frozen=True)
class MaskTolerance:
    """How like the reference a class mask must be: the least share of pixels of the same class, and the least mIoU; and
    how far at most confidences, in levels of 255 on average, and embeddings, as one minus the cosine, may be from it.
    """

    pixels: float
    miou: float
    confidence: float
    embedding: float


MASK_TOLERANCE: MappingProxyType[Precision, MaskTolerance] = MappingProxyType(
    {
        "fp32": MaskTolerance(0.9995, 0.999, 0.05, 1e-6),
        "fp16": MaskTolerance(0.99, 0.98, 1.0, 1e-3),
        "int8": MaskTolerance(0.98, 0.95, 4.0, 2e-2),
    }
)


@dataclass(frozen=True)
class ShelfRole:
    """`pixels` UINT8 [size, size, 3] RGB in, the frame stretched to the square; `mask` UINT8 [size, size], the class of
    each pixel, `confidence` UINT8 [size/4, size/4] and `embedding` FP32 [width] out.

    Networks that know instances have a `count`: of that many `boxes` FP32 [count, 4], `scores` FP32 and `classes` INT32
    [count], the best first and zeros behind them; and `instances` INT32 [size, size], 0 or the number of a box from 1.
    """

    name: str
    size: int
    families: tuple[Family, ...]
    network: str | None = None  # what a bare file of weights is of
    count: int | None = None
    tolerance: MappingProxyType[Precision, MaskTolerance] = field(default_factory=lambda: MASK_TOLERANCE)
    boxes: MappingProxyType[Precision, BoxTolerance] = field(default_factory=lambda: BOX_TOLERANCE)


OneNetwork: TypeAlias = MatteRole | EmbedderRole | TextRole | FaceRole | DetectorRole | KeywordRole | ShelfRole
Role: TypeAlias = OneNetwork | CaptionerRole


def _captioner(name: str, framing: Framing) -> tuple[CaptionerRole, ...]:
    return tuple(
        CaptionerRole(name, part, framing, ("blip", "vision-encoder-decoder")) for part in ("encoder", "decoder")
    )


_ROLES: tuple[Role, ...] = (
    MatteRole("step_matte", 512, ("segformer",)),
    MatteRole("main_matte", 1024, ("segformer", "remote", "onnx")),
    MatteRole("product_matte", 1024, ("segformer", "remote", "onnx")),
    EmbedderRole("embed_clip_vit_b_32", Framing(224, 224), 512, ("clip",)),
    EmbedderRole("embed_clip_vit_b_16", Framing(224, 224), 512, ("clip",)),
    EmbedderRole("embed_clip_vit_l_14", Framing(224, 224), 768, ("clip",)),
    EmbedderRole("embed_clip_vit_l_14_336", Framing(336, 336), 768, ("clip",)),
    TextRole("embed_clip_text_vit_b_32", 512),
    TextRole("embed_clip_text_vit_b_16", 512),
    TextRole("embed_clip_text_vit_l_14", 768),
    TextRole("embed_clip_text_vit_l_14_336", 768),
    EmbedderRole("embed_dino_v2_vit_b_14", Framing(256, 224), 768, ("dinov2",)),
    EmbedderRole("embed_dino_v3_vit_l_16", Framing(None, 224, "bilinear"), 1024, ("dinov3",)),
    KeywordRole("keyword_classifier", Framing(224, 224)),
    *_captioner("captioner", Framing(None, 384)),
    _face("face_pnet", 256, (123, 123)),
    _face("face_rnet", 24, ()),
    _face("face_onet", 48, (), landmarks=(10,)),
    DetectorRole("person_detector", 640, 300, ("detr",)),
    DetectorRole("person_detector_faster_rcnn", 640, None, ("state_dict",)),
    ShelfRole("shelf_segmenter", 512, ("segformer", "smp")),
    ShelfRole("shelf_segmenter_unet_resnet34", 512, ("smp", "state_dict"), "Unet resnet34"),
    ShelfRole("shelf_segmenter_deeplabv3plus_resnet50", 512, ("smp", "state_dict"), "DeepLabV3Plus resnet50"),
    ShelfRole("shelf_segmenter_yolov8n", 640, ("yolo",), "yolov8n-seg", count=300),
    ShelfRole("shelf_segmenter_yolov8s", 640, ("yolo",), "yolov8s-seg", count=300),
    ShelfRole("shelf_segmenter_rf_detr", 512, ("detr",), count=300),
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
    """The role of a network's name, or of a captioner's, whose two networks are one export."""
    for known in (name, f"{name}_encoder"):
        if known in ROLES:
            return ROLES[known]
    raise UsageError(f"unknown role {name!r}; roles: {', '.join([*ROLES, *GROUPS])}")
