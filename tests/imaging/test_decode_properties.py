from __future__ import annotations

import functools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imaging.decode import decode
from imaging.errors import ImageError
from tests.imaging import pictures

STARTS = (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"MM\0*", b"BM", b"RIFF\0\0\0\0WEBP")
FEW_PIXELS = 100_000
bounded = settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
quick = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@functools.cache
def sample(kind: str, *, small: bool) -> bytes:
    picture = pictures.image().resize((16, 12)) if small else pictures.image()
    return pictures.encoded(picture, kind)


def outcome(data: bytes, smallest: int | None = None) -> None:
    """Decode, and let nothing but our own error or a sound picture pass."""
    try:
        found = decode(data, max_pixels=FEW_PIXELS, smallest=smallest)
    except ImageError:
        return
    assert found.height * found.width <= FEW_PIXELS
    assert found.pixels.ndim == 3
    assert found.coverage is None or found.coverage.shape == found.pixels.shape[:2]


@quick
@given(st.sampled_from(STARTS), st.binary(max_size=400))
def test_random_bytes_only_ever_raise_our_error(start: bytes, rest: bytes) -> None:
    outcome(start + rest)


@bounded
@given(
    kind=st.sampled_from(pictures.FORMATS),
    edits=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=12),
    keep=st.floats(0.3, 1.0),
    small=st.booleans(),
)
def test_mutated_files_only_ever_raise_our_error(
    kind: str, edits: list[tuple[int, int]], keep: float, *, small: bool
) -> None:
    data = bytearray(sample(kind, small=small))
    for at, value in edits:
        data[at % len(data)] = value
    outcome(bytes(data[: max(1, int(len(data) * keep))]), smallest=8 if small else None)


@bounded
@given(
    kind=st.sampled_from(pictures.FORMATS),
    at=st.integers(0, 200),
    value=st.binary(min_size=1, max_size=8),
)
def test_mutated_headers_only_ever_raise_our_error(kind: str, at: int, value: bytes) -> None:
    data = sample(kind, small=True)
    outcome(data[:at] + value + data[at + len(value) :])


@quick
@given(kinds=st.tuples(st.sampled_from(pictures.FORMATS), st.sampled_from(pictures.FORMATS)), at=st.integers(4, 400))
def test_files_spliced_together_only_ever_raise_our_error(kinds: tuple[str, str], at: int) -> None:
    first, second = (sample(kind, small=True) for kind in kinds)
    outcome(first[:at] + second)
