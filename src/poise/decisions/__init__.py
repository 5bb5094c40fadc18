"""The decisions station: what each candidate is worth to whom, and which one is chosen.

Models predict objectives; here terms turn predictions into what stakeholders care about, and weights add the terms
up. Nothing is learned here, and weights may change at any time without training. NumPy only: servers import this.

Public names: `choose.Chooser`, `choose.Choice`, `choose.Objectives`, `weights.Weights`, `weights.exchange_rates`.
"""
