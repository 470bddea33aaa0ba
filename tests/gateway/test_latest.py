"""The place for the newest: what is replaced, what is counted, how it ends."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.segmentation.latest import ClosedError, Latest


@given(st.lists(st.booleans(), max_size=60))
def test_every_item_is_got_or_counted_as_dropped_and_what_is_got_is_the_newest(puts: list[bool]) -> None:
    async def run() -> None:
        place, put, got = Latest[int](), 0, list[int]()
        for is_put in puts:
            if is_put:
                place.put(put)
                put += 1
            elif put and (not got or got[-1] < put - 1):
                got.append(await place.get())
                assert got[-1] == put - 1
        left = 1 if put and (not got or got[-1] < put - 1) else 0
        assert len(got) + place.dropped + left == put

    asyncio.run(run())


async def test_a_reader_waits_for_the_next_item() -> None:
    place = Latest[str]()
    reader = asyncio.create_task(place.get())
    await asyncio.sleep(0)
    assert not reader.done()
    place.put("news")
    assert await asyncio.wait_for(reader, 1) == "news"
    assert place.dropped == 0


async def test_a_closed_place_gives_its_last_item_and_takes_none() -> None:
    place = Latest[str]()
    place.put("last")
    place.close()
    with pytest.raises(ClosedError):
        place.put("late")
    assert await place.get() == "last"
    with pytest.raises(ClosedError):
        await place.get()


async def test_closing_wakes_a_reader() -> None:
    place = Latest[str]()
    reader = asyncio.create_task(place.get())
    await asyncio.sleep(0)
    place.close()
    with pytest.raises(ClosedError):
        await asyncio.wait_for(reader, 1)
