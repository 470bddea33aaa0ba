"""The network: a transformers SegFormer with one sigmoid class, as trained, stored and served."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub.errors import StrictDataclassError
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional
from transformers import SegformerConfig, SegformerForSemanticSegmentation
from transformers.models.segformer.image_processing_pil_segformer import SegformerImageProcessorPil

from training.matte.checkpoint import note_bases, processor_facts, stated_size
from training.matte.detail import DetailedMatte, load_head, refuse_size
from training.matte.errors import MatteError

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
# What `transformers` lets out for a configuration that makes no sense, and for files that are cut short.
_LOADING_ERRORS = (
    *(OSError, ValueError, RuntimeError, TypeError, LookupError, ArithmeticError, AttributeError),
    *(SafetensorError, StrictDataclassError),
)


def fresh_segformer(decoder_width: int = 256, classes: Sequence[str] = ()) -> SegformerForSemanticSegmentation:
    """A SegFormer of B0's size with random weights and no dropout: a short training from scratch underfits anyway.

    It has one sigmoid class, or the named ones.
    """
    config = SegformerConfig(
        decoder_hidden_size=decoder_width,
        drop_path_rate=0.0,
        classifier_dropout_prob=0.0,
        hidden_dropout_prob=0.0,
    )
    _name_classes(config, classes)
    config._attn_implementation = attention()  # noqa: SLF001 - the class has no other way in from a config
    model = SegformerForSemanticSegmentation(config)
    _initialise(model)
    return model


def _name_classes(config: SegformerConfig, classes: Sequence[str]) -> None:
    config.num_labels = len(classes) or 1
    if classes:
        config.id2label = dict(enumerate(classes))
        config.label2id = {name: index for index, name in enumerate(classes)}


_RESIDUAL_BRANCH_ENDS = ("o_proj", "mlp.fc2")


def _initialise(model: SegformerForSemanticSegmentation, lacking: Sequence[str] | None = None) -> None:
    """Weights that keep the scale of their input, of all modules or of those of which some are `lacking`.

    The library's own (deviation 0.02 everywhere) are meant for fine-tuning: depth-wise convolutions then pass on a
    twentieth of their input and a block adds a thousandth to its stream, so that training takes several times as long.
    """
    for name, module in model.named_modules():
        if not isinstance(module, nn.Linear | nn.Conv2d) or name.endswith("classifier"):
            continue
        if lacking is not None and f"{name}.weight" not in lacking:
            continue
        gain = 0.5 if name.endswith(_RESIDUAL_BRANCH_ENDS) else 1.0
        nn.init.normal_(module.weight, std=gain * module.weight[0].numel() ** -0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def attention() -> str:
    """The faster kind here: a training step on CPU takes a quarter less time without the fused one."""
    return "sdpa" if torch.cuda.is_available() else "eager"


def load_segformer(
    checkpoint: str, revision: str | None = None, classes: Sequence[str] = (), decoder_width: int | None = None
) -> SegformerForSemanticSegmentation:
    """A SegFormer to train, from a folder or a hub id, with one sigmoid class or the named ones.

    A head that is missing, of another width or for another number of classes starts anew, as far as it differs.

    Raises:
        MatteError: not there, not readable, or not a SegFormer.

    """
    with _told_of(checkpoint):
        config = _config(checkpoint, revision)
        _name_classes(config, classes)
        if decoder_width is not None:
            config.decoder_hidden_size = decoder_width
        model, lacking = _model(checkpoint, revision, config)
        if classes:
            _initialise(model, lacking)
        return model


def load_matte(checkpoint: str, revision: str | None = None) -> SegformerForSemanticSegmentation:
    """A SegFormer to evaluate: as `load_segformer`, but one that is not whole or no matte is refused.

    Raises:
        MatteError: also where it has not one class, lacks weights, or wants pixels normalised otherwise.

    """
    with _told_of(checkpoint):
        config = _config(checkpoint, revision)
        if config.num_labels != 1:
            classes = config.num_labels
            raise MatteError(f"{checkpoint}: {classes} classes; a matte has 1: train it, or evaluate what export makes")
        model, lacking = _model(checkpoint, revision, config)
    _insist_on_whole(checkpoint, revision, lacking)
    return model


def load_segmenter(checkpoint: str, classes: Sequence[str]) -> SegformerForSemanticSegmentation:
    """A SegFormer with these classes to evaluate. Raises MatteError as `load_matte` does, also for other classes."""
    with _told_of(checkpoint):
        config = _config(checkpoint, None)
        named = [str(name).lower() for _, name in sorted((config.id2label or {}).items())]
        if named != list(classes):
            raise MatteError(f"{checkpoint}: its classes are {', '.join(named)}; {', '.join(classes)} are expected")
        model, lacking = _model(checkpoint, None, config)
    _insist_on_whole(checkpoint, None, lacking)
    return model


def _insist_on_whole(checkpoint: str, revision: str | None, lacking: Sequence[str]) -> None:
    if lacking:
        raise MatteError(f"{checkpoint}: lacks {lacking[0]} ({len(lacking)} weights in all)")
    facts = processor_facts(checkpoint, revision)
    for key, wanted in (("image_mean", MEAN), ("image_std", STD)):
        if not np.allclose(facts.get(key, wanted), wanted, atol=1e-3):
            raise MatteError(f"{checkpoint}: its {key} is not ImageNet's; export it and evaluate the ONNX file")


def _config(checkpoint: str, revision: str | None) -> SegformerConfig:
    config = SegformerConfig.from_pretrained(checkpoint, revision=revision or "main")
    if config.model_type != "segformer":
        raise MatteError(f"{checkpoint}: a {config.model_type} checkpoint, a SegFormer is needed")
    return config


def _model(
    checkpoint: str, revision: str | None, config: SegformerConfig
) -> tuple[SegformerForSemanticSegmentation, list[str]]:
    """The network, and the names of what its files lack and it therefore has at random."""
    loader: Any = SegformerForSemanticSegmentation  # the library's annotation leaves out the second answer
    model, report = loader.from_pretrained(
        checkpoint,
        revision=revision or "main",
        config=config,
        ignore_mismatched_sizes=True,
        use_safetensors=True,
        attn_implementation=attention(),
        output_loading_info=True,
    )
    misshapen = [name if isinstance(name, str) else name[0] for name in report["mismatched_keys"]]
    return model, sorted({*report["missing_keys"], *misshapen})


@contextmanager
def _told_of(checkpoint: str) -> Iterator[None]:
    try:
        yield
    except _LOADING_ERRORS as error:
        raise MatteError(f"{checkpoint}: cannot be loaded as a SegFormer ({error})") from error


def save_segformer(
    model: SegformerForSemanticSegmentation, folder: Path, size: int, bases: tuple[str, ...] = ()
) -> None:
    """Write config.json, model.safetensors and preprocessor_config.json, which is all that an exporter needs.

    `bases` are the names of the weights that these were trained from; they go into the folder's card.
    """
    model.save_pretrained(folder)
    save_surroundings(folder, size, bases)


def save_surroundings(folder: Path, size: int, bases: tuple[str, ...]) -> None:
    """What stands beside a network's weights: preprocessor_config.json, and its card where there are bases."""
    SegformerImageProcessorPil(size={"height": size, "width": size}, image_mean=MEAN, image_std=STD).save_pretrained(
        folder
    )
    if bases:
        note_bases(folder, bases)


def normalise(pixels: Tensor) -> Tensor:
    """UINT8 RGB [B, 3, H, W] -> FP32, zero mean and unit variance over ImageNet, as SegFormer's own processor."""
    mean = torch.tensor(MEAN, device=pixels.device).view(1, 3, 1, 1)
    std = torch.tensor(STD, device=pixels.device).view(1, 3, 1, 1)
    return (pixels.float() / 255 - mean) / std


class ServedMatte(nn.Module):
    """A SegFormer, or one with a detail head, under the contract UINT8 RGB [B, S, S, 3] -> UINT8 alpha [B, S, S].

    `inner` is the size at which a network without such a head looks: the picture is brought to it and the answer back.
    """

    def __init__(self, model: SegformerForSemanticSegmentation | DetailedMatte, inner: int | None = None) -> None:
        super().__init__()
        self._model = model
        self._inner = inner

    def forward(self, pixels: Tensor) -> Tensor:
        size = pixels.shape[1:3]
        values = normalise(pixels.permute(0, 3, 1, 2))
        if self._inner is not None:
            values = functional.interpolate(values, size=(self._inner, self._inner), mode="bilinear", antialias=True)
        logits = self._model(values)
        logits = logits if isinstance(logits, Tensor) else logits.logits
        logits = functional.interpolate(logits, size=size, mode="bilinear", align_corners=False)
        return (logits[:, 0].sigmoid() * 255).round().to(torch.uint8)


class TorchPredictor:
    """A checkpoint as served at `size`: it looks at the picture at `inner`, else at the size that it states itself."""

    def __init__(self, checkpoint: str, size: int, *, inner: int | None = None, revision: str | None = None) -> None:
        self.size = size
        network = load_matte(checkpoint, revision)
        inner = inner or stated_size(checkpoint, revision)
        head = load_head(Path(checkpoint))
        if head is None:
            served = ServedMatte(network, None if inner == size else inner)
        else:
            refuse_size(size, inner or size, checkpoint)
            served = ServedMatte(DetailedMatte(network, head, inner or size))
        self._network = served.eval()

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """UINT8 [B, S, S, 3] -> UINT8 [B, S, S]."""
        with torch.inference_mode():
            return np.asarray(self._network(torch.from_numpy(pixels)).numpy(), dtype=np.uint8)
