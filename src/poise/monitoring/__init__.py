"""Monitoring: one file per monitor of a running system, by stable codes (PM01 …), and whether served features are what
the lake says (`skew`).

`gathering` reads what came in since a release was judged and what the release says of it, `looking` asks every monitor
and weighs drift by performance. `evaluation` judges candidates before they serve; the same gates are asked again here.
"""
