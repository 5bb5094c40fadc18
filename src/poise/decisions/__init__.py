"""The decisions station: what each candidate is worth to whom, and which are shown.

Models predict objectives; here terms turn predictions into what stakeholders care about, and weights add the terms
up. Nothing is learned here, and weights may change at any time without training. NumPy and Numba only: servers import
this.

`terms` is what actions and listed items share. `choose` takes one action per request, `rank` orders items; `explore`
draws other orders and says how probable they were (`plackett_luce` exactly), and `exploration_cost` how much that may
cost; `explore_actions` does both for actions. `threshold` prices actions that may be taken only so often in a `period`.
`of_system` compiles all of it for one system file.

Public names: `choose.Chooser`, `choose.Choice`, `rank.Ranker`, `terms.Predicted`, `explore.Exploration`,
`explore.redraw`, `explore_actions.ActionExploration`, `explore_actions.draw_actions`, `threshold.prices`,
`exploration_cost.Basis`, `exploration_cost.settle`, `of_system.chooser_of`, `of_system.ranker_of`,
`weights.Weights`, `exchange.exchange_rates`.
"""
