"""Serving: a request's bytes in, an answer's bytes out, for one release; no transport, so that all transports share it.

`rows` checks what came against the contract and makes arrays of it, `answer` predicts and decides. `releases` (above)
says what a release is; `rollout` (below) says which one is live; `interfaces/http` carries bytes to and fro.
"""
