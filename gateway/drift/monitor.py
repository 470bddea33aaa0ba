"""The watch over one network: its sliding window, what each window says, and when that becomes a report."""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.drift.comparison import Compared, Comparison
from gateway.drift.observation import Observation, Seen, observe
from gateway.drift.profile import Reference
from gateway.drift_settings import DriftSettings

LOOKS = 4  # in the time that a window takes to fill


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one window says. `window` is given where it has to be reported."""

    compared: Sequence[Compared]
    windows_over: int
    episode: bool
    window: tuple[Observation, ...] = ()

    @property
    def score(self) -> float:
        return self.compared[0].ratio if self.compared else 0.0


@dataclass
class Monitor:
    """For one thread at a time."""

    reference: Reference
    settings: DriftSettings
    clock: Callable[[], float] = time.monotonic
    last: Verdict | None = None
    _fresh: int = 0
    _taken: int = 0
    _over: int = 0
    _under: int = 0
    _episode: bool = False
    _reported: float = -math.inf
    _comparison: Comparison = field(init=False)
    _window: deque[Observation] = field(init=False)

    def __post_init__(self) -> None:
        self._comparison = Comparison(self.reference)
        self._window = deque(maxlen=self.settings.drift_window_frames)

    @property
    def frames(self) -> int:
        return len(self._window)

    def see(self, seen: Seen) -> Verdict | None:
        """Takes a frame in; a verdict whenever another quarter of a full window is new."""
        self._window.append(observe(seen, keep=self._keeps()))
        self._fresh += 1
        size = self.settings.drift_window_frames
        if len(self._window) < size or self._fresh < math.ceil(size / LOOKS):
            return None
        self._fresh = 0
        self.last = self._judged(self._comparison.compare(tuple(self._window)))
        return self.last

    def _keeps(self) -> bool:
        """Whether the next frame's picture is kept: evenly over the window, no more than a report needs."""
        self._taken += 1
        wanted, size = self.settings.drift_report_frames, self.settings.drift_window_frames
        return wanted > 0 and self._taken % math.ceil(size / wanted) == 0

    def _judged(self, compared: Sequence[Compared]) -> Verdict:
        settings = self.settings
        is_over = bool(compared) and compared[0].ratio > settings.drift_threshold
        self._over, self._under = (self._over + 1, 0) if is_over else (0, self._under + 1)
        begins = not self._episode and self._over >= settings.drift_windows
        self._episode = begins or (self._episode and self._under < settings.drift_windows)
        if begins and self.clock() - self._reported >= settings.drift_cooldown_seconds:
            self._reported = self.clock()
            return Verdict(compared, self._over, self._episode, tuple(self._window))
        return Verdict(compared, self._over, self._episode)
