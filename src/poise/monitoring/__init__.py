"""Monitoring: one file per monitor of a running system. Empty so far: this version judges requirements at release only.

It reads what serving logged and labels that came later; `evaluation` judges candidates before they serve.
"""
