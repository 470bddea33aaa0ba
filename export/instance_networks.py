"""Which network of instances a checkpoint is, and what of it the exporter needs."""

from export import processor, weights
from export.checkpoint import Checkpoint
from export.errors import CheckpointError, UsageError
from export.instances import Finder, InstanceSegmenter, LoadedInstances
from export.network import SMALLEST_SIDE
from export.options import Options
from export.pictures import Samples
from export.processor import PROCESSOR_FILE, Preprocessing
from export.roles import ShelfRole
from export.shelves import calibration_pictures, refuse_options

_PLAIN = Preprocessing(mean=(0.0,) * 3, std=(1.0,) * 3, stated=True)  # YOLO's: 0 to 1


def load(checkpoint: Checkpoint, role: ShelfRole, options: Options, samples: Samples) -> LoadedInstances:
    """Raises CheckpointError for weights, labels and processors that do not give what the role promises, ExportError
    where a library is missing.
    """
    refuse_options(role, options)
    network, preprocessing = _network(checkpoint, role)
    side = options.network_size or preprocessing.size or role.size
    if side < SMALLEST_SIDE:
        raise UsageError(f"a network size of {side} is below {SMALLEST_SIDE}")
    try:
        module = InstanceSegmenter(network, preprocessing, role, side).eval()
    except weights.BROKEN as error:
        raise CheckpointError(
            f"{checkpoint.source}: does not take pictures of {side}: {weights.first_line(error)}"
        ) from error
    calibration = calibration_pictures(role, options) if network.convolutional else None
    return LoadedInstances(role, module, preprocessing, side, checkpoint.folder, samples, calibration)


def _network(checkpoint: Checkpoint, role: ShelfRole) -> tuple[Finder, Preprocessing]:
    if checkpoint.family == "yolo":
        from export import yolo

        return yolo.finder(checkpoint, role), _PLAIN
    from export import rf_detr

    return rf_detr.finder(checkpoint), processor.read_squeezed(checkpoint.folder / PROCESSOR_FILE)
