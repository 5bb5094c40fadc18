"""The figures that README and the docs name, repeatable: `python -m benchmarks`, or one of them alone.

`--quick` runs a short form whose figures mean nothing, to see that it runs.
"""
