"""Assessment: should ML be used here? Empty so far: the evidence of a release compares each rung with the constant."""
