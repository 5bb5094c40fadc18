"""What a decision is on the judged rows, by its form: actions, prices or lists."""

from __future__ import annotations

from poise.releases.measuring import Decided
from poise.releases.priced import Priced
from poise.releases.ranked import Listed

Made = Decided | Priced | Listed
