"""Engine: where work runs. Empty so far: all work runs in the process that asked for it.

A scaled-out engine will be a wrapper of the same type, chosen once at start.
"""
