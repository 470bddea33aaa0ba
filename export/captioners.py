"""Captioners (BLIP, and any vision encoder with a text decoder) on their way into the repository: two networks and a
tokenizer, one version of each network.
"""

from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import onnx
import torch

from export import (
    caption_language,
    caption_proof,
    card,
    contract,
    figures,
    pictures,
    processor,
    sizes,
    versions,
    weights,
)
from export.caption_graphs import Captioner, Decoder, Encoder, apart
from export.caption_language import Language
from export.caption_proof import Networks, Reference
from export.checkpoint import Checkpoint
from export.contract import CROSS, IDS, LOGITS, OWN, PAST, PIXELS, PRESENT
from export.entrance import Entrance
from export.errors import CheckpointError, ProofError, UsageError
from export.kinds import Precision
from export.licence import Licence
from export.options import Options
from export.precision import CONVERT
from export.processor import BILINEAR, PROCESSOR_FILE, Preprocessing
from export.proof import Proof
from export.roles import CaptionerRole, Framing
from export.to_onnx import traced
from export.wrap import renamed, stripped

OPSET = 18
MODEL = "model.onnx"
_MATTES_ONLY = ("network_size", "subject", "output", "file")
_CLASSES = {"blip": "BlipForConditionalGeneration", "vision-encoder-decoder": "VisionEncoderDecoderModel"}
_DYNAMIC = torch.export.Dim.DYNAMIC
Ends: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class LoadedCaptioner:
    """A checkpoint's network and words. It gets pictures of `size`, looks at them at `side`, and its vision tower makes
    `tokens` of each.
    """

    size: int
    side: int
    captioner: Captioner
    preprocessing: Preprocessing
    language: Language
    tokens: int

    def encoder(self, precision: Precision) -> onnx.ModelProto:
        module = Encoder(self.captioner, Entrance(self.preprocessing, self.size, self.side)).eval()
        example = (torch.zeros(2, self.size, self.size, 3, dtype=torch.uint8),)
        return _converted(module, example, ((PIXELS,), (CROSS,)), ({0: _DYNAMIC},), precision)

    def decoder(self, precision: Precision) -> onnx.ModelProto:
        net, count, texts = self.captioner, 2, 3
        past = torch.zeros(count, texts, 2 * net.layers, net.heads, 4, net.width)
        cross = torch.zeros(count, 2 * net.layers, net.heads, self.tokens, net.width)
        example = (torch.zeros(count, texts, dtype=torch.int64), past, cross)
        dynamic = ({0: _DYNAMIC, 1: _DYNAMIC}, {0: _DYNAMIC, 1: _DYNAMIC, 4: _DYNAMIC}, {0: _DYNAMIC})
        names = ((IDS, PAST, CROSS), (LOGITS, PRESENT))
        with net.sharing():
            return _converted(Decoder(net).eval(), example, names, dynamic, precision)

    def facts(self, role: CaptionerRole, precision: Precision) -> dict[str, object]:
        return {
            "architecture": type(self.captioner.model).__name__,
            "decoder_architecture": type(self.captioner.decoder).__name__,
            "framing": asdict(role.framing),
            "network_size": self.side,
            "resized_in_graph": self.side != self.size,
            "preprocessing": asdict(self.preprocessing),
            "language": self.language.facts(),
            "tolerance": asdict(role.tolerance[precision]),
        }


def export(role: CaptionerRole, checkpoint: Checkpoint, terms: Licence, options: Options) -> tuple[list[Path], Proof]:
    """Both networks of the captioner that `role` belongs to, and its tokenizer, as one version; or nothing."""
    _refuse_options(role, options)
    roles = _both(role)
    promised = [contract.promised(one, versions.config_path(options.repository, one.name)) for one in roles]
    known_figures = figures.read(options.figures)
    samples = pictures.samples(role.size, options.pictures)
    loaded = load(checkpoint, role)
    with ExitStack() as stack:
        staged = [stack.enter_context(versions.staging(options.repository, one.name)) for one in roles]
        graphs = (loaded.encoder, loaded.decoder)
        for folder, graph in zip(staged, graphs, strict=True):
            onnx.save(graph(options.precision), folder / MODEL)
        networks = Networks(staged[0] / MODEL, staged[1] / MODEL, loaded.language)
        reference = Reference(loaded.captioner, loaded.preprocessing, loaded.side, checkpoint.folder, loaded.language)
        limits = (options.precision, role.tolerance[options.precision])
        proof = caption_proof.prove(networks, reference, promised, limits, samples)
        if not proof.ok:
            raise ProofError(f"{role.captioner}: no version written: {'; '.join(proof.failures())}", proof.table())
        for one, folder in zip(roles, staged, strict=True):
            facts = {
                **card.origin(one, checkpoint, options, terms),
                **loaded.facts(one, options.precision),
                **card.measured(folder / MODEL, proof, options.precision),
            }
            versions.write_card(folder, facts | {"figures": known_figures})
        loaded.language.write(staged[1])
        return versions.publish_together(staged, options.version), proof


def load(checkpoint: Checkpoint, role: CaptionerRole) -> LoadedCaptioner:
    """Raises CheckpointError for weights, processors and tokenizers that do not give what the role promises."""
    import transformers

    path = checkpoint.folder / PROCESSOR_FILE
    preprocessing, framing = processor.read_framed(path)
    if framing != role.framing and not _in_graph(framing, role):
        raise CheckpointError(
            f"{path}: pictures are framed by {framing}; {role.captioner} needs {role.framing}, or whole pictures "
            f"squeezed bilinearly to at most {role.size}"
        )
    kind: Any = getattr(transformers, _CLASSES[checkpoint.family])
    captioner = apart(weights.pretrained(checkpoint, kind).eval(), checkpoint.family)
    try:
        with torch.inference_mode():
            tokens = captioner.states(torch.zeros(1, 3, framing.side, framing.side)).shape[1]
    except weights.BROKEN as error:
        reason = weights.first_line(error)
        raise CheckpointError(f"{checkpoint.source}: does not take pictures of {framing.side}: {reason}") from error
    language = caption_language.read(checkpoint, captioner)
    return LoadedCaptioner(role.size, framing.side, captioner, preprocessing, language, int(tokens))


def _in_graph(framing: Framing, role: CaptionerRole) -> bool:
    """Whether the graph itself can bring the role's pictures, which are squeezed to a square, to the checkpoint's."""
    squeezed = role.framing.shorter is None and framing.shorter is None
    return squeezed and framing.resample == BILINEAR and framing.side <= role.size


def _both(role: CaptionerRole) -> list[CaptionerRole]:
    return [replace(role, part="encoder"), replace(role, part="decoder")]


def _refuse_options(role: CaptionerRole, options: Options) -> None:
    for name in _MATTES_ONLY:
        if getattr(options, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} is for mattes; {role.captioner} is a captioner")
    if options.engine == "tensorrt":
        raise UsageError(
            f"--engine tensorrt: {role.captioner} has no plan; its text grows from nothing, no profile does"
        )


def _converted(
    module: torch.nn.Module,
    example: tuple[torch.Tensor, ...],
    ends: Ends,
    dynamic: tuple[dict[int, Any], ...],
    precision: Precision,
) -> onnx.ModelProto:
    """The module as a graph whose ends have these names and say nothing of its sizes: those are each network's own."""
    names = [[f"{OWN}{name}" for name in side] for side in ends]  # networks have tensors of these names inside
    with torch.no_grad():
        plain = traced(module, example, (names[0], names[1]), dynamic, OPSET)
    model = renamed(CONVERT[precision](plain), {f"{OWN}{name}": name for side in ends for name in side})
    sizes.forget(model.graph)
    return stripped(model)
