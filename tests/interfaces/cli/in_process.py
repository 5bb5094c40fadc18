"""`poise` in the process of the tests: what it prints and how it ends, without the second that starting one takes.

What a process of its own does (signals, output that is not flushed, what is imported) is asked of processes.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from poise.interfaces.cli import main


def poise(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What `poise WORDS` says and ends with in `folder`, in a terminal of 100 columns."""
    out, err = io.StringIO(), io.StringIO()
    env = {name: value for name, value in os.environ.items() if not name.startswith("POISE_")} | {"COLUMNS": "100"}
    with (
        patch.object(sys, "argv", ["poise", *words]),
        patch.object(sys, "path", list(sys.path)),
        patch.dict(os.environ, env, clear=True),
        chdir(folder),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())
