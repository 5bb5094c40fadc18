"""Rollout: from a judged candidate to the release that answers.

`rehearsal` measures the real server with real requests before anyone depends on it, `promote` makes a candidate that
holds every requirement live and writes down why another was refused. `releases` says what a release is, `evaluation`
judges it; here it is decided what answers.
"""
