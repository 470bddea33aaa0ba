"""The classifier: an image tower with a head, from pixels as served to logits."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, CLIPVisionConfig, CLIPVisionModelWithProjection, PreTrainedConfig, SegformerModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.utils import logging

from training.keywords.errors import KeywordsError
from training.keywords.head import CONFIG, HeadConfig, KeywordHead, load_head, save_head
from training.keywords.segformer import SegformerTower
from training.matte.checkpoint import note_bases, processor_facts
from training.matte.network import attention

Tower: TypeAlias = CLIPVisionModelWithProjection | SegformerTower

SIDE = 224
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
# What `transformers` lets out for a configuration that makes no sense, and for files that are cut short.
_LOADING_ERRORS = (
    *(OSError, ValueError, RuntimeError, TypeError, LookupError, ArithmeticError, AttributeError),
    *(SafetensorError, StrictDataclassError),
)


@dataclass(frozen=True)
class Levels:
    """Per channel, what pixels (0..1) are centred on and divided by."""

    mean: tuple[float, ...] = CLIP_MEAN
    std: tuple[float, ...] = CLIP_STD


class Classifier(nn.Module):
    """`pixels` UINT8 RGB [n, 224, 224, 3] to logits [n, labels], before the temperature.

    Smaller squares will do as well; the positions are then interpolated.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, tower: nn.Module, head: KeywordHead, levels: Levels) -> None:
        super().__init__()
        self.tower, self.head, self.levels = tower, head, levels
        self.register_buffer("mean", torch.tensor(levels.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(levels.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        found: Tensor = self.head(self.features(pixels))
        return found

    def features(self, pixels: Tensor) -> Tensor:
        """The tower's vectors at length 1, [n, width]."""
        planes = (pixels.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.deviation
        found = self.tower(pixel_values=planes, interpolate_pos_encoding=pixels.shape[1] != SIDE).image_embeds
        return functional.normalize(found.float(), dim=-1)


def fresh_tower(size: str) -> CLIPVisionModelWithProjection:
    """A tower with random weights; `tiny` is 11.8 MB."""
    if size not in FRESH:
        raise KeywordsError(f"no fresh tower {size!r}; there are {', '.join(FRESH)}")
    width, layers, heads = FRESH[size]
    config = CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        patch_size=16,
        image_size=SIDE,
        projection_dim=width,
        hidden_act="gelu",
    )
    tower = CLIPVisionModelWithProjection(config)
    _initialise(tower)
    return tower


FRESH = {"tiny": (192, 6, 3), "mini": (192, 8, 3)}


def _initialise(tower: nn.Module) -> None:
    """Weights that keep the scale of their input: the library's own are meant for much longer trainings."""
    for name, module in tower.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            gain = 0.5 if name.endswith(("out_proj", "fc2")) else 1.0
            nn.init.trunc_normal_(module.weight, std=gain * module.weight[0].numel() ** -0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def load_tower(checkpoint: str, revision: str | None = None) -> Tower:
    """The image tower of a CLIP, a SegFormer's encoder, or a classifier's tower, from a folder or a hub id.

    Raises:
        KeywordsError: not there, not readable, neither of the two, or a CLIP that looks at another size than 224.
    """
    with told_of(checkpoint):
        whole = AutoConfig.from_pretrained(checkpoint, revision=revision or "main")
        loader: Any  # the library's annotation leaves out the second answer
        loader, config = _kind(checkpoint, revision, whole)
        tower, report = loader.from_pretrained(
            checkpoint,
            revision=revision or "main",
            config=config,
            dtype=torch.float32,
            use_safetensors=None,
            attn_implementation=attention() if loader is SegformerModel else None,
            output_loading_info=True,
        )
    if lacking := sorted(report["missing_keys"]):
        raise KeywordsError(f"{checkpoint}: lacks {lacking[0]} ({len(lacking)} weights in all)")
    return SegformerTower(tower) if isinstance(tower, SegformerModel) else tower


def _kind(checkpoint: str, revision: str | None, whole: PreTrainedConfig) -> tuple[type, PreTrainedConfig]:
    if whole.model_type == "segformer":
        return SegformerModel, whole
    if whole.model_type not in ("clip", "clip_vision_model"):
        raise KeywordsError(f"{checkpoint}: a {whole.model_type} checkpoint, a CLIP or a SegFormer is needed")
    config = CLIPVisionConfig.from_pretrained(checkpoint, revision=revision or "main")
    config.projection_dim = whole.projection_dim
    if config.image_size != SIDE:
        raise KeywordsError(f"{checkpoint}: looks at {config.image_size} pixels; keywords are served at {SIDE}")
    return CLIPVisionModelWithProjection, config


def levels_of(checkpoint: str, revision: str | None = None) -> Levels:
    """From the processor's file, CLIP's own where there is none."""
    facts = processor_facts(checkpoint, revision)
    mean, std = (tuple(facts.get(key, usual)) for key, usual in (("image_mean", CLIP_MEAN), ("image_std", CLIP_STD)))
    if len(mean) != 3 or len(std) != 3 or not all(std):  # noqa: PLR2004 - red, green, blue
        raise KeywordsError(f"{checkpoint}: image_mean and image_std need three numbers each")
    return Levels(tuple(map(float, mean)), tuple(map(float, std)))


@contextmanager
def told_of(checkpoint: str) -> Iterator[None]:
    """Errors with the checkpoint's name."""
    try:
        with _quiet():
            yield
    except _LOADING_ERRORS as error:
        raise KeywordsError(f"{checkpoint}: cannot be loaded as a CLIP or SegFormer ({error})") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """No tables of the other tower's weights, no bars for single files."""
    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def is_classifier(checkpoint: str) -> bool:
    return (Path(checkpoint) / CONFIG).is_file()


def load_classifier(folder: Path) -> tuple[Classifier, HeadConfig]:
    """A stored classifier, in evaluation mode. Raises KeywordsError."""
    if not is_classifier(str(folder)):
        raise KeywordsError(f"{folder}: no classifier, {CONFIG} is missing; train one, or evaluate what export makes")
    tower = load_tower(str(folder))
    head, config = load_head(folder, tower.config.projection_dim)
    return Classifier(tower, head, levels_of(str(folder))).eval(), config


def save_classifier(classifier: Classifier, config: HeadConfig, folder: Path, bases: Sequence[str] = ()) -> None:
    """Write tower, processor and head; `bases` are the weights that these come from, for the folder's card."""
    tower: Any = classifier.tower
    with _quiet():
        tower.save_pretrained(folder)
    levels = classifier.levels
    CLIPImageProcessorPil(image_mean=list(levels.mean), image_std=list(levels.std)).save_pretrained(folder)
    save_head(classifier.head, config, folder)
    if bases:
        note_bases(folder, tuple(bases))
