"""What models see. One file per kind of feature, each with its batch and its online form; labels.

`data` hands over histories (every accepted row with both its times); this station turns them into the inputs and the
truths of one request at its T, and nothing later than T. What is done to inputs for the sake of a learner (scaling,
encoding) belongs to `models`.

`keys` and `asof` find rows of other sources, `plan` orders and shares the work of all features of one `per`, `requests`
makes past requests out of rows, `labels` says what became of them.
"""
