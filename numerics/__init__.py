"""The float layer: torch on CPU or CUDA, float64 for what is compared. Imports `proofs`, never `verify`."""
