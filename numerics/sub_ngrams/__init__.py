"""Sub-n-grams are near-stationary points (Varre, Yüce, Flammarion, ICML 2025): the float layer."""
