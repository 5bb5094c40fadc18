"""Monitoring: one file per monitor of a running system. So far one: do served features agree with the lake (`skew`)?

It reads what serving logged and what the lake holds since; `evaluation` judges candidates before they serve.
"""
