"""Models: one model per objective. One file per learner (a rung of the ladder), calibration, and the answering side.

Files come in two kinds. *Learners* (`constant`, `rule`, `linear`, `trees`) fit and may import scikit-learn or LightGBM.
*Answering* (`predictor`, `calibration`, `inputs`, `*_model`, `forest`) reads what a learner saved and predicts with
NumPy and Numba only: a server imports nothing else of this station.

`features` says what a model sees, `evaluation` which rung is kept; here a rung is fitted, stored and answered.
"""
