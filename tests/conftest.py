"""Hypothesis profiles, one torch thread per test worker, and every module imported before a test changes one."""

import importlib
import os
import pkgutil

import pytest
import torch
from hypothesis import HealthCheck, settings

import numerics
import proofs
import verify.papers

# Explicit, since hypothesis changes its defaults when it sees CI=true.
settings.register_profile(
    "default", derandomize=True, deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "deep", derandomize=False, deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

torch.set_num_threads(1)

# A claim imports what it computes with as it runs. A module first imported while a test has another one changed would
# take the changed names for good, so that a later test fails, or this one for the wrong reason.
for room in (proofs, numerics, verify.papers):
    for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
        importlib.import_module(module.name)

# First, so that the worker that starts with them does them all: what one of them has found, the others read
# (tests/verify/sub_ngrams_runs.py). A worker that is done takes from the end of the list of another: short ones.
FIRST = ("test_sub_ngrams_certificates.py", "test_finite_length_claims.py", "test_sub_ngrams_claims.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in FIRST)


@pytest.fixture(autouse=True)
def claims_are_checked_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, where a test has put what it needs; tests of processes ask for them."""
    monkeypatch.setattr("verify.check.cores", lambda: 1)
