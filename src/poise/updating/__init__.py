"""Updating: when to learn again and from what. Empty so far: this version learns when a person says `poise train`."""
