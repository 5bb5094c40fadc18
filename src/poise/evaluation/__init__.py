"""The evaluation station: how good a prediction or a decision is, how sure that is, and whether it is good enough.

It splits rows into parts in time, scores predictions by metrics (one file each), puts intervals around scores by
resampling blocks, chooses the rung of an objective, looks into slices, and judges requirements. It learns nothing
(models do) and stores nothing (releases do): arrays come in, frozen records with sentences go out.

Public names live in the files, so that serving a release loads none of them:
`parts.split`, `blocks.blocks_of`, `bootstrap.interval`, `bootstrap.paired_gain`, `climbing.climb`, `slices.slices_of`,
`requirements.judge`, `calibration_table.calibration_table`, `policies.policy_values`; of lists `lists.Lists`,
`lists.places`, `orders.compare_orders`, `orders.list_calibration`.
"""
