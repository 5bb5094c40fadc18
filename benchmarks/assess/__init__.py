"""The record of `poise assess`: how often its verdict is right where the truth is known.

Worlds are drawn at random: columns of every kind, missing values, coefficients, sizes, noise. Nothing in them was
chosen for what the assessment does well; a seed that goes wrong stays in the record.
"""
