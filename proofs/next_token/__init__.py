"""Non-asymptotic convergence of training transformers for next-token prediction (Huang, Liang, Yang, NeurIPS 2024)."""
