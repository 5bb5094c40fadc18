"""Where state is kept. Two kinds of it, each with one base and one suite that every implementation joins.

Online state (`base`, `memory`) is what features are answered from at request time: tiles of windows, newest rows, rows
that wait for their time. It is filled from the lake and the journal, can be filled again, and holds nothing else. The
state database (`state_base`, `state`) is what people decided: releases, which one is live, weights, and the history.

`features` says what is kept and how it is answered in batch; this station keeps it so that the online form answers the
same. Rows themselves are kept by `data`.
"""
