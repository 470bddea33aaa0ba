"""Presentation times that can be relied on: each later than the one before, whatever the file says."""

from fractions import Fraction


class Clock:
    """Seconds from `origin` (seconds on the file's own clock), exact."""

    def __init__(self, time_base: Fraction, origin: Fraction, usual: Fraction) -> None:
        """`usual` is the time between two frames where nothing better is known."""
        self._time_base = time_base
        self._origin = origin
        self._usual = usual
        self._last: Fraction | None = None
        self.retimed = 0

    def at(self, pts: int | None) -> Fraction:
        """The time of the next frame. Without one, or with one that is not later, it follows after the usual time."""
        stated = None if pts is None else pts * self._time_base - self._origin
        if self._last is None:
            time = stated or Fraction(0)
        elif stated is None or stated <= self._last:
            time = self._last + self._usual
            self.retimed += 1
        else:
            time = stated
        self._last = time
        return time
