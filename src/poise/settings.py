"""Settings from the environment: where state lives. Secrets come from the environment or a file, never a flag."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

HOME_FOLDER = ".poise"


@dataclass(frozen=True)
class Settings:
    """Where one system keeps its state.

    home: folder of everything below (`POISE_HOME`, default `.poise` beside the system file).
    state_url: SQLAlchemy URL of registry and history (`POISE_STATE_URL`, default SQLite in `home`).
    lake: folder or URL of the Delta tables (`POISE_LAKE_URL`, default `home/lake`).

    >>> Settings.read(Path("shop/poise.yaml"), {"POISE_HOME": "/data"}).lake
    '/data/lake'
    """

    home: Path
    state_url: str
    lake: str

    @classmethod
    def read(cls, system_file: Path, environ: dict[str, str] | None = None) -> Settings:
        """The settings for the system described by `system_file`."""
        env = dict(os.environ) if environ is None else environ
        home = Path(env.get("POISE_HOME") or system_file.parent / HOME_FOLDER)
        return cls(
            home=home,
            state_url=env.get("POISE_STATE_URL") or f"sqlite:///{home / 'state.db'}",
            lake=env.get("POISE_LAKE_URL") or str(home / "lake"),
        )

    def folder_of(self, recorded: str) -> Path:
        """Where the candidate or release stands that was recorded at `recorded`: in this home, wherever that is seen
        from or was moved to since; else at the place that was recorded."""
        path = Path(recorded)
        here = self.home / path.parent.name / path.name
        return here if here.exists() else path

    @property
    def releases(self) -> Path:
        """Folder of the releases."""
        return self.home / "releases"

    @property
    def candidates(self) -> Path:
        """Folder of trained candidates that no gate has judged yet."""
        return self.home / "candidates"

    @property
    def judged(self) -> Path:
        """Folder of what gates read of each candidate: truth and predictions of the judged rows."""
        return self.home / "judged"

    @property
    def journal(self) -> Path:
        """Folder of the journal that acknowledges what comes in while a server answers."""
        return self.home / "journal"

    @property
    def online(self) -> Path:
        """Folder of the snapshots of the online state."""
        return self.home / "online"
