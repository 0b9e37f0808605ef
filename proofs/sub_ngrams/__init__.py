"""Sub-n-grams are near-stationary points (Varre, Yüce, Flammarion, ICML 2025): the exact layer.

law            the law of the data
configuration  the k-gram configurations of the two-layer network
score          the gradient of the loss in the attention scores of one sequence
score_blocks   the population gradient, whatever engine computed it, and the chain rule to the parameters
"""
