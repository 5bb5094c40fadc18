"""Serving beside what teams run instead: a plain FastAPI, pandas and LightGBM service, and MLServer."""
