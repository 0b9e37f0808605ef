"""The mean-field model in floats: the finite model, its flows, networks of particles (mathematics/mean-field)."""
