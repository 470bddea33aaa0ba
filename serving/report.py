"""What the launcher tells a person: what is served, what is not and why, and what to try."""

from collections.abc import Mapping, Sequence

from serving.canary import CanaryResult
from serving.repository import Model, Refusal, Survey
from serving.settings import GatewaySettings, ServingSettings

__all__ = ["gateway_lines", "server_lines", "survey_lines"]


def survey_lines(survey: Survey, results: Sequence[CanaryResult]) -> list[str]:
    """Pipelines with their steps and versions, other models, and everything that is not served."""
    canaries = {result.pipeline: result for result in results}
    pipelines = [_pipeline(survey.served, name, canaries.get(name)) for name in survey.pipelines]
    bare = [model for model in survey.served.values() if not model.is_pipeline]
    return [
        "pipelines served:",
        *(pipelines or ["  none"]),
        f"models served:     {', '.join(map(_versioned, bare)) or 'none'}",
        *_refusals(survey.refused),
    ]


def _pipeline(served: Mapping[str, Model], name: str, canary: CanaryResult | None) -> str:
    steps = " -> ".join(_versioned(served[step]) for step in served[name].steps)
    verdict = "no canary yet" if canary is None else "" if canary.ok else f"  CANARY FAILED: {canary.reason}"
    took = f"  ({canary.seconds:.2f} s)" if canary and canary.ok and canary.seconds else ""
    return f"  {name:<16} {steps}{took}{verdict}"


def _versioned(model: Model) -> str:
    numbers = ",".join(map(str, model.versions))
    return f"{model.name} v{numbers}" if model.config.backend != "python" else model.name


def _refusals(refused: Sequence[Refusal]) -> list[str]:
    width = max((len(one.name) for one in refused), default=0)
    lines: list[str] = []
    for one in refused:
        lines.append(f"  {one.name:<{width}} {_indented(one.reason, width)}")
        lines += [f"  {'':<{width}} make it: {one.cure}"] if one.cure else []
    return ["not served:", *lines] if lines else []


def _indented(text: str, width: int) -> str:
    return text.replace("\\n", "\n").strip().replace("\n", f"\n  {'':<{width}} ")


def server_lines(settings: ServingSettings, pipelines: Sequence[str]) -> list[str]:
    """The server's URLs, and the call that any program can make: a picture's bytes, as they are."""
    lines = [
        f"Triton HTTP    {settings.http_url}",
        f"Triton gRPC    {settings.grpc_url}",
        f"Triton metrics {settings.metrics_url}",
    ]
    return lines + [raw_call(settings.http_url, name) for name in _first(pipelines, "alpha_")]


def raw_call(url: str, pipeline: str) -> str:
    """The curl line for Triton itself; the picture begins after the answer's JSON header and four bytes of length."""
    return (
        f"  curl -sD head -o body -H 'Inference-Header-Content-Length: 0' --data-binary @photo.jpg "
        f"{url}/v2/models/{pipeline}/infer && "
        "tail -c +$(($(grep -i ^inference-header head | tr -cd 0-9) + 5)) body > alpha.png"
    )


def gateway_lines(gateway: GatewaySettings, pipelines: Sequence[str]) -> list[str]:
    """The gateway's URL, and a call that cuts a photo out."""
    url = f"http://{gateway.url}"
    call = [
        f"  curl -F file=@photo.jpg -H 'Accept: image/png' {url}/api/v2/{name.removeprefix('cutout_')}/predict_upload "
        "-o cutout.png"
        for name in _first(pipelines, "cutout_")
    ]
    return [f"gateway        {url}   (docs: {url}/docs)", *call]


def _first(names: Sequence[str], start: str) -> list[str]:
    return sorted(name for name in names if name.startswith(start))[-1:]
