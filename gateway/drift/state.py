"""What `/api/drift` answers."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel, Field

from gateway.drift.comparison import Compared
from gateway.drift.monitor import Monitor, Verdict
from gateway.drift.report import Report

State = Literal["no_profile", "filling", "steady", "over", "drifted"]


class NetworkDrift(BaseModel):
    """One network's window beside its profile."""

    network: str = Field(examples=["shelf_segmenter"])
    state: State = Field(
        description="no_profile: nothing to compare with; filling: the first window is not full; over: the last "
        "windows are over the threshold, not yet for long enough; drifted: they were, and have not been below it since"
    )
    pictures: int | None = Field(None, description="pictures that the profile was made of")
    frames: int = Field(0, description="frames in the window")
    window_frames: int | None = Field(None, description="frames of a full window")
    windows_over: int = Field(0, description="windows in a row over the threshold")
    score: float | None = Field(None, description="the last window's largest ratio; above the threshold it has drifted")
    compared: Sequence[Compared] = Field((), description="every figure of the last window, the worst first")
    report: Report | None = Field(None, description="the last one since the gateway started")

    @classmethod
    def without_profile(cls, network: str) -> Self:
        return cls(network=network, state="no_profile")

    @classmethod
    def of(cls, network: str, monitor: Monitor, report: Report | None) -> Self:
        verdict = monitor.last
        return cls(
            network=network,
            state=_state(verdict),
            pictures=monitor.reference.profile.pictures,
            frames=monitor.frames,
            window_frames=monitor.settings.drift_window_frames,
            windows_over=verdict.windows_over if verdict else 0,
            score=verdict.score if verdict else None,
            compared=verdict.compared if verdict else (),
            report=report,
        )


class Drift(BaseModel):
    """How far what streams show is from what their networks were judged on."""

    enabled: bool
    threshold: float = Field(description="ratio above which a window counts as drifted")
    networks: Sequence[NetworkDrift]


def _state(verdict: Verdict | None) -> State:
    if verdict is None:
        return "filling"
    if verdict.episode:
        return "drifted"
    return "over" if verdict.windows_over else "steady"
