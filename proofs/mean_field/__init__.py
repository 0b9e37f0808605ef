"""The finite mean-field model, exactly (design, mean-field section A3)."""
