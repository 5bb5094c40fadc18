"""Makes the pictures of `docs/console.md`: `python -m tests.browser.console_pictures docs/images`.

They show a small market after a real server has listed restaurants for three days.
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.browser.chromium import browser
from tests.journeys.replaying import Caller, serving
from tests.journeys.test_preview import EXAMPLE, Asking, small

WIDTH = 1080
DAYS, SERVED = 8, 3
PAGES = {
    "overview": ("/", 870, "true"),
    "trade-offs": ("/trade-offs?w.revenue=0.6", 1180, "document.querySelector('.front')"),
}
"""Picture -> its page, the height that is shown, and what has to be there before it is taken."""
MINUTES = 4


def main(folder: Path) -> None:
    """Serve the market, and write `console-PAGE.png` for each page that is shown."""
    sys.path.insert(0, str(EXAMPLE))
    from market import Market, popularity
    from prepare import write

    market = Market(days=DAYS + SERVED, lists=2_700, users=150, restaurants=48)
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        write(market, market.run(popularity(), range(DAYS)), range(DAYS), Path(place) / "data")
        system = small(Path(place))
        system.ingest()
        system.train()
        assert any(report.outcome and report.outcome.released for report in (system.release() for _ in range(3)))
        with serving(system.path, "r1") as server, ExitStack() as calls:  # at its end all of it is in the lake
            asking = Asking(caller := Caller(server.port, calls))
            log = market.run(asking, range(DAYS, DAYS + SERVED))
            for source, rows in zip(("impressions", "orders"), asking.events(log), strict=True):
                for start in range(0, len(rows), 1_000):
                    caller.batch(source, json.dumps(rows[start : start + 1_000]).encode())
        server, window = stack.enter_context(serving(system.path, "r1")), stack.enter_context(browser())
        for name, (path, height, there) in PAGES.items():
            with window.page(f"http://127.0.0.1:{server.port}{path}", width=WIDTH, height=height, calm=True) as page:
                page.until(there, seconds=60 * MINUTES)
                page.picture(folder / f"console-{name}.png", whole=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
