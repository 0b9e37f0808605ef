"""One package per paper, which defines PAPER: found by verify.registry, imported by nothing else in verify."""
