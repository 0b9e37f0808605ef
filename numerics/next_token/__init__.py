"""Non-asymptotic convergence for next-token prediction (Huang, Liang, Yang, NeurIPS 2024): the float layer."""
