"""Hypothesis strategies for the objects that every room shares: those that other people's suites draw from too."""

from landscape_verifier.testing import alphas, configurations, laws, problems, qs, rational_qs

__all__ = ["alphas", "configurations", "laws", "problems", "qs", "rational_qs"]
