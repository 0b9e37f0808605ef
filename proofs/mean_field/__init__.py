"""The finite mean-field model, exactly (mathematics/mean-field)."""
