"""The modules of an example are found as its scripts find them: by the folder they stand in."""

from __future__ import annotations

import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
sys.path.append(str(EXAMPLES / "restaurants"))
