"""Uniform numbers of a seed, always the same ones.

They are the raw words of PCG64 (O'Neill, HMC-CS-2014-0905), seeded by NumPy's SeedSequence, whose streams NumPy keeps
for good (NEP 19); those of its distributions may change between versions.

NumPy's own objects take some 40 microseconds to be made for each seed. Here the same words are computed by themselves;
a test holds them to NumPy's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poise.jit import compiled, compiled_part

UNIFORM = 2.0**-53
_A, _B = np.uint32(0x43B0D7E5), np.uint32(0x8B51F9DD)
_MULTIPLY_A, _MULTIPLY_B = np.uint32(0x931E8875), np.uint32(0x58F38DED)
_LEFT, _RIGHT = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
_HIGH, _LOW = np.uint64(0x2360ED051FC65DA4), np.uint64(0x4385DF649FCCF645)
"""PCG64's multiplier, in halves of 64 bits."""
_HALF = np.uint64(32)
_MASK = np.uint64(0xFFFFFFFF)


def uniform(seed: int, count: int) -> NDArray[np.float64]:
    """`count` numbers strictly between 0 and 1 of a seed from 0 to 2**64 - 1.

    >>> uniform(7, 2).round(6).tolist()
    [0.625095, 0.897214]
    """
    out = np.empty(count)
    _fill(np.uint64(seed), out)
    return out


@compiled_part
def _hashed(value, constant):  # type: ignore[no-untyped-def]
    value = np.uint32(value ^ constant)
    value = np.uint32(value * np.uint32(constant * _MULTIPLY_A))
    return np.uint32(value ^ (value >> np.uint32(16)))


@compiled_part
def _mixed(x, y):  # type: ignore[no-untyped-def]
    value = np.uint32(np.uint32(_LEFT * x) - np.uint32(_RIGHT * y))
    return np.uint32(value ^ (value >> np.uint32(16)))


@compiled_part
def _product(a, b):  # type: ignore[no-untyped-def]
    """The high and the low half of a product of 128 bits."""
    low, one, two = (a & _MASK) * (b & _MASK), (a >> _HALF) * (b & _MASK), (a & _MASK) * (b >> _HALF)
    middle = (low >> _HALF) + (one & _MASK) + (two & _MASK)
    high = (a >> _HALF) * (b >> _HALF) + (one >> _HALF) + (two >> _HALF) + (middle >> _HALF)
    return high, (middle << _HALF) | (low & _MASK)


@compiled_part
def _stepped(high, low, add_high, add_low):  # type: ignore[no-untyped-def]
    """The next state, state x multiplier + increment, modulo 2**128."""
    top, bottom = _product(low, _LOW)
    top = top + high * _LOW + low * _HIGH
    total = bottom + add_low
    return top + add_high + np.uint64(total < bottom), total


@compiled
def _fill(seed, out):  # type: ignore[no-untyped-def]
    pool, words = np.zeros(4, np.uint32), np.zeros(8, np.uint32)
    pool[0], pool[1] = np.uint32(seed & _MASK), np.uint32(seed >> _HALF)
    constant = _A
    for i in range(4):
        pool[i] = _hashed(pool[i], constant)
        constant = np.uint32(constant * _MULTIPLY_A)
    for source in range(4):
        for target in range(4):
            if source != target:
                pool[target] = _mixed(pool[target], _hashed(pool[source], constant))
                constant = np.uint32(constant * _MULTIPLY_A)
    constant = _B
    for i in range(8):
        value = np.uint32(pool[i % 4] ^ constant)
        constant = np.uint32(constant * _MULTIPLY_B)
        value = np.uint32(value * constant)
        words[i] = np.uint32(value ^ (value >> np.uint32(16)))
    high = np.uint64(words[0]) | (np.uint64(words[1]) << _HALF)
    low = np.uint64(words[2]) | (np.uint64(words[3]) << _HALF)
    add_high = np.uint64(words[4]) | (np.uint64(words[5]) << _HALF)
    add_low = np.uint64(words[6]) | (np.uint64(words[7]) << _HALF)
    add_high = (add_high << np.uint64(1)) | (add_low >> np.uint64(63))
    add_low = (add_low << np.uint64(1)) | np.uint64(1)
    total = add_low + low
    high, low = add_high + high + np.uint64(total < low), total
    high, low = _stepped(high, low, add_high, add_low)
    for i in range(len(out)):
        high, low = _stepped(high, low, add_high, add_low)
        value, turn = high ^ low, high >> np.uint64(58)
        value = (value >> turn) | (value << ((np.uint64(64) - turn) & np.uint64(63)))
        out[i] = (np.float64(value >> np.uint64(11)) + 0.5) * UNIFORM
