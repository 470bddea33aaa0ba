"""How long to wait before a restart."""

__all__ = ["Backoff"]


class Backoff:
    """Doubles from the shortest to the longest wait, and starts anew after a healthy while; all in seconds."""

    def __init__(self, shortest_s: float, longest_s: float, healthy_s: float) -> None:
        self._shortest_s = shortest_s
        self._longest_s = max(shortest_s, longest_s)
        self._healthy_s = healthy_s
        self._next_s = shortest_s

    def after(self, lived_s: float) -> float:
        """The wait after a run that was well for `lived_s`."""
        if lived_s >= self._healthy_s:
            self._next_s = self._shortest_s
        wait_s, self._next_s = self._next_s, min(self._next_s * 2, self._longest_s)
        return wait_s
