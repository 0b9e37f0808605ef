"""Lemmas of a reader's own: a function that compares, decided by the strongest evidence that can be had."""
