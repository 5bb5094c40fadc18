"""Data: what came in. Files become typed, checked rows in the lake; refused rows go to quarantine with their reasons.

`spec` says what a source should look like; this station reads what really came (`files`, `reading`), types it
(`parse`), judges it (one file per check), tells new rows from known ones (`identity`) and keeps them (`lake`).
`features` after it only ever sees `poise.table.History`, never a file or a Polars frame: Polars stays in here.
Import what you need from its modules: `ingest.ingest`, `lake.Lake`, `quarantine`.
"""
