"""Makes the pictures of the story in the README: `python -m tests.browser.story_pictures docs/images`.

The market is served, sales asks, product is asked, and what each of them sees in the console is kept as a picture.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.browser.chromium import browser

ROOT = Path(__file__).parents[2]
WIDTH = 1080
SHOWN = {
    "preview": ("#estimates-part > *", "body", 745),
    "proposed": ("#proposals", "body", 540),
    "came": ("#realised-title", "#realised-title", 430),
}
"""Scene -> what has to be there before its picture is taken, what stands at its top, and how high it is."""


def main(folder: Path) -> None:
    """Tell the story, and write `story-SCENE.png` for each scene that is shown."""
    sys.path.insert(0, str(ROOT / "examples" / "restaurants"))
    from story import Scene, Story, tell

    with tempfile.TemporaryDirectory() as place, browser() as window:

        def picture(scene: Scene, port: int) -> None:
            if scene.name not in SHOWN:
                return
            mark, top, height = SHOWN[scene.name]
            with window.page(f"http://127.0.0.1:{port}{scene.page}", width=WIDTH, height=height) as page:
                page.until(f"document.querySelector('{mark}')", seconds=60)
                page.ask(f"document.querySelector('{top}').scrollIntoView({{block: 'start'}})")
                page.picture(folder / f"story-{scene.name}.png", whole=False)

        tell(Story(Path(place) / "story"), picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
