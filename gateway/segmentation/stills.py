"""Single frames of a shelf through a pipeline, without a video around them."""

import time

from gateway.admission import Admission
from gateway.catalogue import Catalogue
from gateway.errors import InferenceFailedError, InvalidOptionError, PhotoRefusedError, UnreadablePictureError
from gateway.inference import Inference
from gateway.pipelines import SEGMENT_SHELF
from gateway.results import require_pulse
from gateway.segmentation.frame_options import FrameOptions
from gateway.segmentation.segmenter import DEFAULT
from gateway.telemetry import Telemetry

PREFIX = f"{SEGMENT_SHELF.name}_"


class Stills:
    """Asks the pipelines `segment_shelf` and `segment_shelf_NETWORK`."""

    def __init__(self, catalogue: Catalogue, inference: Inference, admission: Admission, telemetry: Telemetry) -> None:
        self._catalogue, self._inference = catalogue, inference
        self._admission, self._telemetry = admission, telemetry

    def require(self, network: str) -> str:
        """The pipeline's name. Raises InvalidOptionError, PipelineNotServedError or PipelineDownError."""
        name = SEGMENT_SHELF.name if network in {"", DEFAULT} else f"{PREFIX}{network}"
        loaded = self._catalogue.loaded
        if name not in loaded and name != SEGMENT_SHELF.name:
            others = sorted(one.removeprefix(PREFIX) for one in loaded if one.startswith(PREFIX))
            there = ", ".join((*([DEFAULT] if SEGMENT_SHELF.name in loaded else []), *others)) or "none"
            raise InvalidOptionError(f"network: there is no {network[:80]!r} served now; there are: {there}")
        self._catalogue.pipeline(name)
        require_pulse(self._inference, name)
        return name

    async def answer(self, image: bytes, options: FrameOptions, request_id: str) -> bytes:
        """What `options.output` names, as a file. Raises a GatewayError, PhotoRefusedError for what the step does not
        take.
        """
        pipeline = self.require(options.network)
        inputs = {"image": image, "options": options.document()}
        async with self._admission.slot():
            started = time.monotonic()
            try:
                found = await self._inference.call(pipeline, inputs, (options.wanted,), request_id)
            except UnreadablePictureError as error:  # about the picture or the wish
                raise PhotoRefusedError(error.public, private=error.private) from error
            self._telemetry.inference_seconds.labels(SEGMENT_SHELF.name).observe(time.monotonic() - started)
        data = found[options.wanted].reshape(-1)[0]
        if not isinstance(data, bytes) or not data:
            raise InferenceFailedError("the inference failed", private=f"{pipeline} gave no {options.wanted}")
        return data
