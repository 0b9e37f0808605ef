"""Hypothesis profiles, and one torch thread per test worker."""

import os

import torch
from hypothesis import HealthCheck, settings

# Explicit, since hypothesis changes its defaults when it sees CI=true.
settings.register_profile(
    "default", derandomize=True, deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "deep", derandomize=False, deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

torch.set_num_threads(1)
