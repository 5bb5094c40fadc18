"""Updating: tests."""
