"""The mean-field model in floats: the finite model, its flows, networks of particles (design, mean-field A3, A4)."""
