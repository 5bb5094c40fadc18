"""Whether the write-ahead log that a killed process left still holds all that was acknowledged.

SQLite takes what it finds: where the log was cut or changed, it goes back to the last commit that is whole, in silence.
The shared-memory file beside it (`-shm`) says how far the log was. SQLite writes that only after the log was synced, so
it never says too much; after a power cut it may be older and say too little. Both layouts:
https://www.sqlite.org/fileformat2.html#walformat and https://www.sqlite.org/walformat.html
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poise.data.journal_tables import damaged

HEADER, FRAME = 32, 24
"""Bytes of the log's header, and of a frame's before its page."""


@dataclass(frozen=True, slots=True)
class _Index:
    """frames: pages in the log, of which the first `in_file` are in the database too. salts: of the log it is about."""

    frames: int
    in_file: int
    salts: bytes


def _index(file: Path) -> _Index | None:
    """What the shared-memory file beside the database `file` says; None where it says nothing, or is being changed.

    Never for a database that this process has open: to close the file would give up all locks that SQLite holds on it,
    and whoever opens the database next would cut it off.
    """
    try:
        with file.with_name(file.name + "-shm").open("rb") as shared:
            index = shared.read(136)
    except FileNotFoundError:
        return None
    if len(index) < 136 or index[:48] != index[48:96] or not index[12]:
        return None
    return _Index(struct.unpack_from("=I", index, 16)[0], struct.unpack_from("=I", index, 96)[0], index[32:40])


def check_log(file: Path) -> None:
    """Raise `StateError` where the log of the database `file` lost commits since they were made. Changes nothing.

    For a moment at which no other process commits. One may bring pages over (`journal_checkpoint`), and take the log
    away when all are: a drain outlives its server for a moment.
    """
    index = _index(file)
    while index is not None and index.frames > index.in_file:  # else all of it is in the database itself
        told = _lost(file, index)
        before, index = index, _index(file)
        if index == before:
            if told:
                raise damaged(file, told)
            return


def _lost(file: Path, index: _Index) -> str:
    """What the log of `file` lost of what its index is about, in words."""
    log = file.with_name(file.name + "-wal")
    try:
        content = log.read_bytes()
    except FileNotFoundError:
        content = b""
    whole = _header_is_whole(content)
    if whole and content[16:24] != index.salts:
        return ""  # another log than this index is about, after a power cut
    found = _whole_frames(content) if whole else 0
    if found >= index.frames:
        return ""
    return f"its last commits are cut off or changed ({log.name} has {found:,} of {index.frames:,} pages)"


def _header_is_whole(content: bytes) -> bool:
    if len(content) < HEADER or content[:3] != b"\x37\x7f\x06":
        return False
    sums = _sums(np.frombuffer(content[:24], _words(content)).reshape(1, -1))[0]
    return sums == struct.unpack_from(">II", content, 24)


def _whole_frames(content: bytes) -> int:
    """How many frames from the first on carry the checksums that belong to them."""
    page = struct.unpack_from(">I", content, 8)[0]
    rows = np.frombuffer(content, np.uint8)[HEADER:]
    rows = rows[: len(rows) // (FRAME + page) * (FRAME + page)].reshape(-1, FRAME + page)
    heads = rows[:, :FRAME].tobytes()
    summed = np.ascontiguousarray(np.concatenate([rows[:, :8], rows[:, FRAME:]], axis=1)).view(_words(content))
    s, t = struct.unpack_from(">II", content, 24)
    step = _power(summed.shape[1] // 2)
    for n, (first, second) in enumerate(_sums(summed)):
        (a, b), (c, d) = step
        s, t = (a * s + b * t + first) % 2**32, (c * s + d * t + second) % 2**32
        salts, told = heads[n * FRAME + 8 : n * FRAME + 16], struct.unpack_from(">II", heads, n * FRAME + 16)
        if salts != content[16:24] or (s, t) != told:
            return n
    return len(rows)


def _words(content: bytes) -> str:
    """The order of bytes in which this log was summed."""
    return ">u4" if content[3] & 1 else "<u4"


def _sums(rows: np.ndarray) -> list[tuple[int, int]]:
    """SQLite's two sums of each row (n, 2k), each from 0: for each pair (x, y), s += x + t, then t += y + s.

    Both are linear in the words, so that they are products with weights that follow from the same steps, backwards.
    """
    pairs = rows.shape[1] // 2
    weights = np.empty((rows.shape[1], 2), np.uint32)
    of_first, of_second = (1, 0), (0, 1)  # what s and t after a pair count for in the two results
    for n in reversed(range(pairs)):
        of_first = (of_first[0] + of_second[0]) % 2**32, (of_first[1] + of_second[1]) % 2**32
        weights[2 * n], weights[2 * n + 1] = of_first, of_second
        of_second = (of_first[0] + of_second[0]) % 2**32, (of_first[1] + of_second[1]) % 2**32
    found = [(rows.astype(np.uint32) * weights[:, n]).sum(axis=1, dtype=np.uint32) for n in range(2)]
    return [(int(s), int(t)) for s, t in zip(*found, strict=True)]


def _power(pairs: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """What the sums before `pairs` pairs of zeros are after them: a matrix, s then t."""
    (a, b), (c, d) = (1, 0), (0, 1)
    for _ in range(pairs):
        a, b = (a + c) % 2**32, (b + d) % 2**32
        c, d = (c + a) % 2**32, (d + b) % 2**32
    return (a, b), (c, d)
