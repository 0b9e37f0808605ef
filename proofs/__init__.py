"""The exact layer: rationals, polynomials and enclosures. Never imports torch."""
