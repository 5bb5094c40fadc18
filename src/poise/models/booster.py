"""LightGBM itself: the only module that imports it, to fit trees. (`lightgbm_library` answers without its package.)"""

from __future__ import annotations

import os

from poise.errors import MissingExtra

# Waiting OpenMP threads spin by default, which makes training up to five times slower where another program uses a
# core (measured: 33 s against 8 s). A short spin costs nothing when the machine is idle. Read when libgomp loads.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")

try:
    import lightgbm
except OSError as error:  # the package is there, the OpenMP library it links against is not
    raise MissingExtra(
        f"LightGBM does not load: {error}",
        hint="install the system package libgomp1 (Debian, Ubuntu) or libgomp (Fedora, Alpine)",
    ) from error
except ImportError as error:
    raise MissingExtra(f"LightGBM is not installed: {error}", hint="pip install lightgbm") from error

__all__ = ["lightgbm"]
