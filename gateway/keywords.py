"""What a picture shows, in keywords: the Recipe Classifier's answer."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.admission import Admission
from gateway.catalogue import Catalogue
from gateway.errors import InferenceFailedError, InvalidOptionError
from gateway.inference import Inference, Tensors
from gateway.pipelines import KEYWORDS
from gateway.results import require_pulse
from gateway.telemetry import Telemetry

UNKNOWN = "unknown"
PERCENT = 100.0


class Keyword(BaseModel):
    """One keyword of a picture."""

    keyword: str = Field(examples=["oven-tray"])
    confidence: float = Field(description="in percent", examples=[99.98514652252197])


class KeywordOptions(BaseModel):
    """How a classification is answered; the same names in a query, a form and a JSON body."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    top_k: int = Field(3, ge=1, le=1000, description="keywords to answer with, the most probable first")
    threshold: float = Field(
        0,
        ge=0,
        le=100,
        allow_inf_nan=False,
        description="percent that the best keyword must reach; below it the answer is "
        f"`{UNKNOWN}` alone, with the best keyword's confidence",
    )


@dataclass(frozen=True, slots=True)
class Ranking:
    """All labels of the network, the most probable first, and their probabilities, 0 to 1."""

    labels: Sequence[str]
    probabilities: Sequence[float]

    def answer(self, options: KeywordOptions) -> list[Keyword]:
        best = self.probabilities[0] * PERCENT
        if best < options.threshold:
            return [Keyword(keyword=UNKNOWN, confidence=best)]
        pairs = zip(self.labels[: options.top_k], self.probabilities, strict=False)
        return [Keyword(keyword=label, confidence=share * PERCENT) for label, share in pairs]


class Keywords:
    """Asks the pipeline `classify_keywords`."""

    def __init__(self, catalogue: Catalogue, inference: Inference, admission: Admission, telemetry: Telemetry) -> None:
        self._catalogue = catalogue
        self._inference = inference
        self._admission = admission
        self._telemetry = telemetry

    def require(self) -> None:
        """Raises PipelineNotServedError or PipelineDownError."""
        self._catalogue.pipeline(KEYWORDS.name)
        require_pulse(self._inference, KEYWORDS.name)

    async def classify(self, image: bytes, request_id: str) -> Ranking:
        """Raises a GatewayError, UnreadablePictureError for what the picture is to blame for."""
        async with self._admission.slot():
            started = time.monotonic()
            found = await self._inference.call(KEYWORDS.name, {"image": image}, KEYWORDS.outputs, request_id)
            self._telemetry.inference_seconds.labels(KEYWORDS.name).observe(time.monotonic() - started)
        return _ranking(found)


def options_of(given: Mapping[str, object], others: str = "") -> KeywordOptions:
    """The options of a query or a form; `others` are what it may hold beside them. Raises InvalidOptionError."""
    names = (*([others] if others else []), *KeywordOptions.model_fields)
    if unknown := sorted(set(given) - set(KeywordOptions.model_fields)):
        raise InvalidOptionError(f"unknown option {', '.join(unknown)}; allowed: {', '.join(names)}")
    try:
        return KeywordOptions.model_validate(given)
    except ValidationError as error:
        said = (f"{one['loc'][0]}: {one['msg']}" for one in error.errors(include_url=False))
        raise InvalidOptionError("; ".join(said)) from error


def _ranking(found: Tensors) -> Ranking:
    labels = [bytes(one).decode("utf-8", "replace") for one in found["keywords"]]
    probabilities = [float(one) for one in found["confidences"]]
    if not labels or len(labels) != len(probabilities):
        private = f"{KEYWORDS.name} answered {len(labels)} keywords with {len(probabilities)} confidences"
        raise InferenceFailedError("the inference failed", private=private)
    return Ranking(labels, probabilities)
