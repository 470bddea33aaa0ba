"""The hold-out: the newest samples of both classes."""

from dataclasses import dataclass

import numpy as np

from training.heads.errors import HeadsError
from training.heads.samples import Samples

MIN_OF_CLASS = 2


@dataclass(frozen=True)
class Split:
    training: Samples
    held_out: Samples


def split(samples: Samples, share: float, at_least: int) -> Split:
    """Hold out the newest `share` of each class, at least one and never all of it.

    As long as what is added is newer than what was there, nothing that an older version was trained on gets into a
    later hold-out: the oldest 80 % of fewer samples are among the oldest 80 % of more.

    Raises:
        HeadsError: there are fewer than `at_least` samples, or fewer than two of a class.
    """
    true, false = samples.of_class(label=True), samples.of_class(label=False)
    if len(samples) < at_least:
        raise HeadsError(f"only {len(samples)} usable samples, at least {at_least} are needed")
    if min(true, false) == 0:
        raise HeadsError(f"all {len(samples)} samples have the label {'true' if true else 'false'}: one class only")
    if min(true, false) < MIN_OF_CLASS:
        raise HeadsError(f"{true} samples are true and {false} false, at least {MIN_OF_CLASS} of each are needed")
    held_out = np.zeros(len(samples), np.bool_)
    for label in (False, True):
        places = np.flatnonzero(samples.labels == label)
        count = min(max(1, round(share * len(places))), len(places) - 1)
        held_out[places[-count:]] = True
    return Split(samples.take(np.flatnonzero(~held_out)), samples.take(np.flatnonzero(held_out)))
