"""Makes the pictures of the story in the README: `python -m tests.browser.story_pictures docs/images`.

The market is served, sales asks, product is asked, and what each of them sees in the console is kept as a picture.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.browser.chromium import browser

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 1080, 860
SHOWN = {
    "preview": "#estimates-part > *",
    "proposed": "#proposals",
    "came": "#realised-title",
    "back": "main",
}
"""Scene -> what has to be there before its picture is taken, and stands at its top."""


def main(folder: Path) -> None:
    """Tell the story, and write `story-SCENE.png` for each scene that is shown."""
    sys.path.insert(0, str(ROOT / "examples" / "restaurants"))
    from story import Scene, Story, tell

    with tempfile.TemporaryDirectory() as place, browser() as window:

        def picture(scene: Scene, port: int) -> None:
            if scene.name not in SHOWN:
                return
            with window.page(f"http://127.0.0.1:{port}{scene.page}", width=WIDTH, height=HEIGHT) as page:
                mark = SHOWN[scene.name]
                page.until(f"document.querySelector('{mark}')", seconds=60)
                page.ask(f"document.querySelector('{mark}').scrollIntoView({{block: 'center'}})")
                page.picture(folder / f"story-{scene.name}.png", whole=False)

        tell(Story(Path(place) / "story"), picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
