"""Which tests run on one worker, and in what order workers take them: so that what many tests need is made once.

pytest-xdist's own grouping (`xdist_group`) writes a group into a node's id, which pytest 9.2 no longer lets it do: its
groups are then ignored without a word. Here the group follows from the file.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = {
    "tests/monitoring/test_telling.py": "tests/monitoring/test_monitors.py",  # a shop is trained once
    "tests/interfaces/test_wheel.py": "tests/interfaces/test_demo.py",  # the wheel is built once
    "tests/releases/test_list_rungs.py": "tests/releases/test_lists.py",  # a market is trained once
}
"""Files whose tests run on the worker of another file's."""
APART = ("tests/test_benchmarks.py", "tests/journeys/")
"""Files, and folders of them, whose tests share nothing that takes long: each test goes to whichever worker is free."""
SHARING = tuple(
    f"tests/journeys/test_{name}.py" for name in ("backup", "explain", "forget", "preview", "prices", "start_curve")
)
"""What is excepted from that."""
FIRST = (
    "tests/interfaces/test_demo.py",
    "tests/test_benchmarks.py",
    "tests/examples/",
    "tests/journeys/",
    "tests/interfaces/cli/",
)
"""What takes longest, which workers begin with, so that none is left with it when the others are done."""


def group(nodeid: str) -> str:
    """What runs on one worker: a file, with those that share what it sets up; or a test by itself."""
    file = nodeid.partition("::")[0]
    if file.startswith(APART) and file not in SHARING:
        return nodeid
    return TOGETHER.get(file, file)


class ByFile(LoadScopeScheduling):
    """A worker that is free takes the next group."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Whatever `--dist` says: tests that share nothing would set everything up on each worker."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first; else in the order in which they stand."""
    items.sort(key=lambda item: next((i for i, one in enumerate(FIRST) if item.nodeid.startswith(one)), len(FIRST)))
