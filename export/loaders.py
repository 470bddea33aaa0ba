"""Which loader reads which kind of checkpoint; each brings its library only when it is needed."""

from dataclasses import replace
from pathlib import Path

from export import checkpoint as checkpoints
from export.checkpoint import Checkpoint
from export.errors import CheckpointError, RemoteCodeError, UsageError
from export.kinds import Family
from export.network import Network
from export.options import Options
from export.processor import BILINEAR
from export.roles import FaceRole, MatteRole, Role


def open_checkpoint(role: Role, name: str, options: Options) -> Checkpoint:
    """The files behind a name, of a kind that the role takes. Raises RemoteCodeError, before anything of a
    checkpoint's own code is read, unless the options trust it.
    """
    if isinstance(role, FaceRole):
        from export import faces

        found = faces.open_local(name)
    elif checkpoints.is_hub_id(name):
        found = _from_hub(role, name, options)
    else:
        found = checkpoints.open_local(name, file=options.file, bare=_bare(role))
        if options.revision is not None:
            raise UsageError(f"--revision chooses among a hub's versions; {name} lies on this machine")
    _insist(role, name, found.family, options)
    return found


def _bare(role: Role) -> Family | None:
    """What a file of weights without a word about its network is for a role."""
    bare: tuple[Family, ...] = ("state_dict", "yolo")
    return next((one for one in bare if one in role.families), None)


def _insist(role: Role, name: str, family: Family, options: Options) -> None:
    if family not in role.families:
        raise CheckpointError(f"{role.name} takes {' and '.join(role.families)} checkpoints; {name} is {family}")
    if family == "remote" and not options.trust_remote_code:
        raise RemoteCodeError(f"{name} brings its own Python code; read it, then allow it with --trust-remote-code")


def load(checkpoint: Checkpoint, role: MatteRole, options: Options) -> Network:
    """Raises CheckpointError or UsageError; nothing is written."""
    network = _load(checkpoint, role, options)
    if options.subject is not None and network.head.kind != "softmax":
        raise UsageError(f"--subject chooses between two classes; {checkpoint.source} has one output")
    return replace(network, remarks=(*network.remarks, *_resampling(network, role)))


def _resampling(network: Network, role: MatteRole) -> list[str]:
    """Graphs resize bilinearly; a processor that does otherwise makes slightly other pixels."""
    rule = network.preprocessing.resample
    if rule == BILINEAR or network.size == role.size:
        return []
    return [f"the processor resizes with {rule}, the graph bilinearly"]


def _load(checkpoint: Checkpoint, role: MatteRole, options: Options) -> Network:
    if checkpoint.family == "onnx":
        from export import ready

        return ready.load(checkpoint, role, options)
    if checkpoint.family == "remote":
        from export import remote

        return remote.load(checkpoint, role, options)
    from export import segformer

    return segformer.load(checkpoint, role, options)


def _from_hub(role: Role, name: str, options: Options) -> Checkpoint:
    from export import hub

    def judge(folder: Path) -> None:
        _insist(role, name, checkpoints.family(folder, name), options)

    snapshot = hub.download(name, options, judge)
    return checkpoints.open_local(str(snapshot.folder), source=name, revision=snapshot.revision, file=options.file)
