"""Poise turns a business problem and its data into a running machine-learning system, and keeps it honest."""

__version__ = "0.1.0"
