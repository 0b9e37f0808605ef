"""The model that the claims are about, and what the symbols in the statements mean."""

MODEL = (
    "Data: a finite set of sentences. The last token of a sentence is the query; another of its tokens is optimal: "
    "what follows it in the collocations, pairs of a token and its successor, comes next.",
    "Network: one layer of attention and one linear layer, softmax(W_ov X softmax(X^T W_kq x_L)), on one-hot tokens. "
    "Stage 1 trains W_ov on the collocations, stage 2 trains W_kq on the sentences, by gradient descent with steps "
    "of length eta (normalised) or with a fixed rate (plain).",
    "Question: where does training go, and how fast? Both matrices tend in direction to max-margin solutions, the "
    "shortest matrices that separate the right tokens from the others by a margin of 1.",
)

SYMBOLS = {
    "V": "size of the vocabulary",
    "X": "one-hot tokens of a sentence",
    "x_L": "last token of a sentence, the query",
    "q": "the query, the last token of a sentence",
    "n": "n(x) is the successor of the token x: what follows it in the collocations; n alone, the next token",
    "W_ov": "output-value matrix, trained in stage 1",
    "W_kq": "key-query matrix, trained in stage 2",
    "W_ov*": "max-margin solution of stage 1",
    "W_kq*": "max-margin solution of stage 2",
    "W*": "max-margin solution of the stage in question",
    "W_t": "the matrix in training after t steps",
    "c": "context: the mean of the tokens by their attention, X phi",
    "N": "number of collocations",
    "pi": "weight of a collocation or of a sentence in the training loss",
    "rho": "offset: what remains of W_t in the end beside its growth along W*; it minimises a sum of exponentials "
    "over the support, with weights omega_i and pairs v_i",
    "support": "pairs of an optimal and another token that have margin 1 at W* and a positive dual value",
    "u": "direction in which W_t grows like log t where there are degenerate pairs, of margin 1 but dual value 0",
    "phi": "attention over the positions of a sentence",
    "a_x": "attention on all positions that hold x",
    "p": "next-token probabilities",
    "e_n": "one-hot next token",
    "r": "e_n - p",
    "l": "loss of a sentence",
    "L": "training loss, the weighted mean of l",
    "L*": "infimum of the loss",
    "beta": "scale of the frozen W_ov",
    "eta": "step size",
    "t": "number of steps",
    "T": "number of steps of stage 2",
    "A^T": "the transpose of a matrix A",
    "optimal": "an optimal token of a sentence is one that its query's next token copies",
    "C": "a constant that is known before training",
    "D": "how far margins lag behind eta t/|W*|, at most",
    "lambda_max": "largest eigenvalue",
}

OWN = {
    "NT13": {"c": ""},
    "NT13c": {"c": "the rate of NT13, eta/|W*|"},
}

LABELS = {
    "beaten_and_above_unseen": ("beaten tokens above the unseen ones",),
    "before": ("growth at the doubling before",),
    "C_of_the_direction": ("C of NT14",),
    "c_of_the_loss": ("c of NT13",),
    "comparisons": ("measurements beside predictions",),
    "dominance_lasts_until": ("last t with dominance",),
    "entry": ("gradient in the token's score",),
    "error": ("estimated error",),
    "eta_t_excess": ("eta t (L - L*)",),
    "excess": ("L - L*",),
    "growth": ("growth at the last doubling of t",),
    "largest_ratio": ("largest ratio to the bound",),
    "lead_per_step": ("growth per step of the wrong token's lead",),
    "least_gap": ("least lead in W_kq*",),
    "log_C_of_the_loss": ("log C of NT13",),
    "lower": ("least |W_t| over the lower bound",),
    "measured": ("number",),
    "ratio": ("ratio to what is claimed",),
    "resolution": ("largest error that decides",),
    "sentences": ("shifted sentences",),
    "signs": ("expressions that are positive",),
    "start": ("bounds from t on",),
    "upper": ("largest |W_t| over the upper bound",),
    "W_kq_columns": ("column of W_kq*",),
    "W_kq_dual_value": ("dual value of W_kq*",),
    "W_kq_squared_norm": ("|W_kq*|^2",),
    "W_ov_squared_norm": ("|W_ov*|^2",),
    "wrong": ("what fails",),
}
