"""What the business wants: frozen records of the system file, the expression language, reading and cross-checking.

Differs from its neighbours: nothing here looks at data. `data` brings rows in as these records say; `features` gives
the kinds of `features:` their meaning and hands their records to this station through the registry.

| to do | where |
|---|---|
| read a file | `poise.spec.reading` (`read`, `read_text`) |
| check that its parts fit together | `poise.spec.crosscheck` |
| the language of expressions | `poise.spec.expression`, compiled by `in_numpy` (online) and `in_polars` (batch) |
| the JSON Schema for editors | `poise.spec.schema` |

Only `in_polars` imports Polars; a server that answers requests never does.
"""
