"""What a person runs and reads: `python -m verify` lists it."""

__version__ = "0.1.0"
