"""The flights of the example, written by its own `prepare.py` where they are not there yet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "flights"


def flights_folder() -> Path:
    """The folder of the example, with its files in `data`."""
    subprocess.run([sys.executable, str(EXAMPLE / "prepare.py")], check=True)
    return EXAMPLE
