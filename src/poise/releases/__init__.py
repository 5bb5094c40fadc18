"""Releases: the sealed folder, its contract with callers, its evidence, and how people read that evidence.

`evaluation` measures and judges; this station writes down what was measured so that it can never be changed unnoticed,
and says it in words. `serving` answers from a release; the state database (`stores.state`) remembers which one is live.

`folder` seals and verifies, `contract` says what callers may send and what they get, `evidence` is the record of what
was measured, `report` and `summary` show it to people, as a page and in a terminal.
"""
