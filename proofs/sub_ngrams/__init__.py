"""Sub-n-grams are near-stationary points (Varre, Yüce, Flammarion, ICML 2025): the exact layer.

what it is about      law, configuration, score, score_blocks
engines               enumeration, type_classes (with markov_types), derivation (with literal_network),
                      infinite_length (with counting)
claims                estimator (SN3), sufficient_condition (SN4), merged_limit and annealed_limit (SN9),
                      absent_tokens (SN10), ladder (SN11), escape (SN12; with escape_ratios)
means over kernels    prior
"""
