"""What is remembered of videos: the last thing, for a while, of not too many."""

from __future__ import annotations

from imaging.videos import Videos


def test_what_is_taken_is_forgotten() -> None:
    videos: Videos[str] = Videos(most=9, idle_s=10)
    videos.put(1, "first")
    videos.put(1, "second")
    assert (videos.take(1), videos.take(1), videos.take(2)) == ("second", None, None)


def test_the_longest_untouched_goes_first_where_there_are_too_many() -> None:
    videos: Videos[str] = Videos(most=2, idle_s=10)
    for number in (1, 2, 1, 3):
        videos.put(number, "kept")
    assert len(videos) == 2
    assert videos.take(2) is None
    assert videos.take(1) == "kept"


def test_what_nobody_asks_for_is_forgotten_in_time() -> None:
    now = [0.0]
    videos: Videos[str] = Videos(most=9, idle_s=10, clock=lambda: now[0])
    videos.put(1, "old")
    now[0] = 6.0
    videos.put(2, "new")
    now[0] = 11.0
    assert (videos.take(1), videos.take(2), len(videos)) == (None, "new", 0)
