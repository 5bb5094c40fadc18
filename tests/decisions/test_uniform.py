"""The numbers of a seed are those of NumPy's PCG64, for good."""

import numpy as np

from poise.decisions.uniform import uniform


def test_they_are_the_raw_words_of_numpys_generator():
    seeds = [0, 1, 7, 2**32 - 1, 2**32, 2**53 - 1, 2**64 - 1]
    seeds += np.random.default_rng(0).integers(0, 2**53, 500).tolist()
    for seed in seeds:
        words = np.random.PCG64(seed).random_raw(21)
        expected = ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        assert uniform(seed, 21).tolist() == expected.tolist(), seed


def test_they_stay_between_0_and_1():
    numbers = uniform(3, 10_000)
    assert 0 < numbers.min() < 1e-3 and 1 - 1e-3 < numbers.max() < 1
