"""Assessment: should ML be used here? One file per question, each with a figure from evidence, and a verdict.

A table becomes a `Case` (`reading`: what each column is, what is to be predicted, which rows belong together). `Trials`
learns what the questions share, once: every rung on some rows, judged on others. A `Question` turns that into an
`Answer`, and `verdict` the answers into what to do. Unlike `releases` nothing here is served or kept.
"""
