import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.training.keyword_data import shape
from training.keywords.augment import sample
from training.keywords.calibration import fit_temperature, softmax
from training.keywords.errors import KeywordsError
from training.keywords.metrics import macro_accuracy, measure
from training.keywords.pictures import framed
from training.keywords.sampler import BalancedSampler, PlainSampler, class_weights, few_shot

LABELLED = st.lists(st.integers(1, 9), min_size=1, max_size=6)


def labels_of(counts: list[int]) -> np.ndarray:
    """Labels 0, 2, 4, ... so that some have no picture, in no order."""
    labels = np.repeat(np.arange(len(counts), dtype=np.int32) * 2, counts)
    return np.random.default_rng(len(labels)).permutation(labels)


@given(LABELLED, st.integers(1, 20), st.integers(0, 5), st.integers(1, 12))
def test_every_batch_and_all_batches_together_are_balanced(
    counts: list[int], batch: int, seed: int, steps: int
) -> None:
    labels = labels_of(counts)
    sampler = BalancedSampler(labels, batch, seed)
    total = np.zeros(2 * len(counts), np.int64)
    for step in range(steps):
        drawn = sampler.batch(step)
        assert len(drawn) == batch
        each = np.bincount(labels[drawn], minlength=2 * len(counts))
        total += each
        assert np.ptp(each[::2]) <= 1
        assert np.ptp(total[::2]) <= 1
        assert not each[1::2].any()


@given(LABELLED, st.integers(1, 7), st.integers(0, 5))
def test_every_picture_of_a_keyword_comes_before_any_comes_again(counts: list[int], batch: int, seed: int) -> None:
    labels = labels_of(counts)
    sampler = BalancedSampler(labels, batch, seed)
    seen = np.concatenate([sampler.batch(step) for step in range(30)])
    for label in np.unique(labels):
        times = np.bincount(seen, minlength=len(labels))[labels == label]
        assert np.ptp(times) <= 1


@given(st.integers(1, 30), st.integers(1, 9), st.integers(0, 5))
def test_plain_batches_show_every_picture_once_an_epoch(count: int, batch: int, seed: int) -> None:
    sampler = PlainSampler(np.zeros(count, np.int32), batch, seed)
    drawn = np.concatenate([sampler.batch(step) for step in range(2 * count)])
    for epoch in range(len(drawn) // count):
        assert sorted(drawn[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_batches_follow_from_seed_and_step_alone() -> None:
    labels = labels_of([9, 3, 5])
    one, two, other = (BalancedSampler(labels, 6, seed) for seed in (1, 1, 2))
    for step in (0, 7, 3):
        assert (one.batch(step) == two.batch(step)).all()
    assert any((one.batch(step) != other.batch(step)).any() for step in range(4))


@given(LABELLED, st.integers(1, 6), st.integers(0, 5))
def test_few_shots_are_that_many_of_each_and_more_only_add(counts: list[int], shots: int, seed: int) -> None:
    labels = labels_of(counts)
    chosen = few_shot(labels, shots, seed)
    assert [int((labels[chosen] == 2 * i).sum()) for i in range(len(counts))] == [min(shots, one) for one in counts]
    assert set(chosen) <= set(few_shot(labels, shots + 1, seed))


def test_class_weights_make_every_keyword_weigh_the_same() -> None:
    labels = labels_of([12, 3, 1])
    weights = class_weights(labels, 6)
    weighed = np.bincount(labels, weights=weights[labels], minlength=6)
    assert weighed[::2] == pytest.approx(16 / 3)
    assert not weights[1::2].any()


@pytest.mark.parametrize(("count", "batch", "told"), [(0, 4, "no training pictures"), (3, 0, "--batch 0")])
def test_nothing_to_draw_from_is_said(count: int, batch: int, told: str) -> None:
    for kind in (BalancedSampler, PlainSampler):
        with pytest.raises(KeywordsError, match=told):
            kind(np.zeros(count, np.int32), batch, 1)


def test_variations_keep_the_shape_and_its_colour() -> None:
    for label in range(3):
        for seed in range(15):
            picture = np.asarray(shape(label, seed))
            found = sample(picture, 64, np.random.default_rng(seed)).astype(int)
            assert found.shape == (64, 64, 3)
            middle = found[20:44, 20:44].reshape(-1, 3)
            dark = middle[middle.min(axis=1) < 130].mean(axis=0)
            assert int(dark.argmax()) == label


def test_pictures_are_framed_as_clips_processor_does() -> None:
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    processor = CLIPImageProcessorPil(do_normalize=False, do_rescale=False)
    rng = np.random.default_rng(3)
    for size in ((300, 250), (250, 400), (100, 90), (224, 224), (900, 301)):
        picture = Image.fromarray(rng.integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8)).resize(size)
        wanted = processor(images=picture, return_tensors="np")["pixel_values"][0].transpose(1, 2, 0)
        assert np.abs(framed(picture).astype(int) - wanted).max() <= 1


def test_the_temperature_of_logits_that_are_too_loud_is_found() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 5))
    truth = np.array([rng.choice(5, p=row) for row in softmax(logits)])
    found = fit_temperature(3 * logits, truth)
    assert found.temperature == pytest.approx(3, rel=0.06)
    assert found.loss_after is not None
    assert found.loss_before is not None
    assert found.loss_after < found.loss_before
    assert found.pictures == 4000


def test_a_few_right_answers_are_no_certainty() -> None:
    logits = np.eye(3)[np.arange(12) % 3] * 8
    found = fit_temperature(logits, np.arange(12) % 3)
    confidence = softmax(logits / found.temperature).max()
    assert confidence == pytest.approx(13 / 14, abs=0.01)
    assert fit_temperature(logits[:0], np.arange(0)).temperature == 1.0


def test_figures_are_those_counted_by_hand() -> None:
    labels = ("a", "b", "c", "unseen")
    truth = np.array([0, 0, 0, 0, 1, 1, 2], np.int32)
    said = np.array([0, 0, 0, 1, 1, 3, 2])
    probabilities = np.full((7, 4), 0.1)
    probabilities[np.arange(7), said] = 0.7
    found = measure(probabilities, truth, labels)
    assert found.macro_accuracy == pytest.approx((3 / 4 + 1 / 2 + 1) / 3)
    assert found.macro_accuracy == macro_accuracy(said.astype(np.int64), truth.astype(np.int64))
    assert found.accuracy == pytest.approx(5 / 7)
    assert found.untested == ("unseen",)
    assert [(one.keyword, one.support, one.named) for one in found.keywords] == [("a", 4, 3), ("b", 2, 2), ("c", 1, 1)]
    assert found.keywords[1].precision == pytest.approx(0.5)
    assert found.confusion[1] == (0, 1, 0, 1)
    assert found.ece == pytest.approx(abs(5 / 7 - 0.7))
    assert found.interval[0] <= found.macro_accuracy <= found.interval[1]
    with pytest.raises(ValueError, match="no pictures"):
        measure(probabilities[:0], truth[:0], labels)


def test_transparent_pictures_lie_on_white() -> None:
    from training.dataset.shards import Row
    from training.keywords.pictures import decoded

    file = io.BytesIO()
    Image.new("RGBA", (40, 30), (10, 20, 30, 0)).save(file, "PNG")
    assert np.asarray(decoded(Row("one", file.getvalue(), 0), "test")).min() == 255
    with pytest.raises(KeywordsError, match="test, one: not a readable picture"):
        decoded(Row("one", file.getvalue()[:40], 0), "test")
