"""Poise turns a business problem and its data into a running machine-learning system, and keeps it honest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poise.interfaces.assessing import assess
    from poise.interfaces.system import System

__version__ = "0.1.0"
__all__ = ["System", "__version__", "assess"]


def __getattr__(name: str) -> Any:
    """`poise.System` and `poise.assess`, imported when first used: `import poise` alone loads nothing heavy."""
    if name == "System":
        from poise.interfaces.system import System

        return System
    if name == "assess":
        from poise.interfaces.assessing import assess

        return assess
    raise AttributeError(f"module 'poise' has no attribute '{name}'")
