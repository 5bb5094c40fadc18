"""Updating: when a system learns again, from what, and whether what it learned is better than what is live.

Gates (in `rollout`) ask what stakeholders require of a release; this station asks whether to make one at all. What
happened is a document of the kind "update" in the state database, so that one that was killed goes on where it was.
"""
