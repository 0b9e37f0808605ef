"""The model that the claims are about, and what the symbols in the statements mean."""

MODEL = (
    "Data: a finite set of sentences. The last token of a sentence is the query; another of its tokens is optimal: "
    "what follows it in the collocations, pairs of a token and its successor, comes next.",
    "Network: one layer of attention and one linear layer, softmax(W_ov X softmax(X^T W_kq x_L)), on one-hot tokens. "
    "Stage 1 trains W_ov on the collocations, stage 2 trains W_kq on the sentences, by gradient descent with steps "
    "of length eta (normalised) or of eta times the gradient (plain).",
    "Datasets by default: DS-A, where each of 4 tokens x is the query of one sentence, whose other token, n(x), is "
    "optimal; DS-B, the same with weights 8, 4, 2, 1; DS-C, 5 tokens in sentences of 2 and 3, weights 1; DS-D, with a "
    "degenerate pair. NT1r lists the sentences of the datasets in use.",
    "Question: where does training go, and how fast? Both matrices tend in direction to max-margin solutions, the "
    "shortest matrices that separate the right tokens from the others by a margin of 1. The direction error is "
    "|W_t/|W_t| - W*/|W*||.",
)

SYMBOLS = {
    "V": "size of the vocabulary",
    "X": "one-hot tokens of a sentence",
    "x_L": "last token of a sentence, the query",
    "q": "the query, the last token of a sentence",
    "n": "n(x) is the successor of the token x: what follows it in the collocations",
    "W_ov": "output-value matrix, trained in stage 1",
    "W_kq": "key-query matrix, trained in stage 2",
    "W_ov*": "max-margin solution of stage 1",
    "W_kq*": "max-margin solution of stage 2",
    "W*": "max-margin solution of the stage in question",
    "W_t": "the matrix in training after t steps",
    "c": "context: the mean of the tokens by their attention, X phi",
    "N": "number of collocations",
    "pi": "weight of a collocation or of a sentence in the training loss",
    "pair": "the right choice of a sentence and another one: in stage 2 its optimal token and another one, in stage 1 "
    "the next token and another of the vocabulary",
    "v_i": "matrix of a pair i, with one entry 1 and one -1: <v_i, W> is the margin of the pair",
    "margin": "by how much W puts the right choice of a pair above the other one",
    "dual": "multiplier of a pair, not negative: W* is the sum of all v_i, each times its dual, which is 0 where the "
    "margin is above 1",
    "support": "pairs with a positive dual: they have margin 1 at W*",
    "degenerate": "said of a pair that has margin 1 at W* and dual 0",
    "omega_i": "tail coefficient of pair i: near its infimum the loss is L* + sum omega_i e^-<v_i, W>",
    "rho": "offset: what remains of W_t in the end beside its growth along W*, within the span of the support; it "
    "minimises sum omega_i e^-<v_i, rho> over the support",
    "u": "shortest matrix with margin 0 on the support and 1 on degenerate pairs: W_t grows along it like log t",
    "ray": "the matrices s W* with s > 0",
    "phi": "attention over the positions of a sentence",
    "a_x": "attention on all positions that hold x",
    "score": "of a token x with a query q, the entry W_kq[x, q]",
    "optimal": "the optimal token of a sentence is the one whose successor is the next token",
    "beats": "a token beats another with a query if it is optimal in a sentence with this query that holds both",
    "unseen": "a token is unseen with a query if no sentence with this query holds it",
    "realizable": "said of data where each next token is the successor of a token of its sentence, and with no query "
    "tokens beat each other in a cycle",
    "dominance": "no token of a sentence has more attention than its optimal one",
    "odds": "of a wrong choice, its probability (stage 1) or its attention (stage 2) over that of the right one",
    "p": "next-token probabilities; p_{n(x)} is that of the successor of x",
    "e_n": "one-hot next token; e_{n(x)} is that of the successor of x",
    "r": "e_n - p",
    "l": "loss of a sentence",
    "L": "training loss, the sum of pi l: of the collocations in stage 1, of the longer sentences in stage "
    "2, of both in joint training",
    "L*": "infimum of the loss; 0 in stage 1",
    "beta": "scale of the frozen W_ov",
    "eta": "step size: length of a normalised step; of a plain one, what the gradient is multiplied by. Where the "
    "setting eta0 is given, it stands in its place in stage 1 of NT1r, NT6w and NT11, and in NT15",
    "t": "number of steps",
    "T": "number of steps of a run, its last t",
    "T_1": "number of steps of stage 1 before stage 2, the setting T1",
    "A^T": "the transpose of a matrix A",
    "s": "step from which on the bounds are proved: 0 where odds of wrong choices only fall; else the first at which "
    "the loss is below a level known before training, which the run shows",
    "C": "a constant of the dataset and the step size",
    "D": "how far margins lag behind eta t/|W*|, at most",
    "lambda_max": "largest eigenvalue of a matrix made of the support: of |W*|^2 sum p_i v_i v_i^T, orthogonal to W*, "
    "with p_i proportional to omega_i e^-<v_i, rho> and of sum 1",
}

OWN = {
    "NT9": {"L": "loss of a shifted sentence", "L*": "the same with all attention on its highest token"},
    "NT9c": {"c": "a token of the example"},
    "NT13": {"c": ""},
    "NT13c": {"c": "the rate of NT13, eta/|W*|"},
}

LABELS = {
    "beaten_and_above_unseen": ("beaten tokens above the unseen ones",),
    "before": ("growth at the doubling before",),
    "C_of_the_direction": ("C of NT14",),
    "c_of_the_loss": ("c of NT13",),
    "collocations": ("collocations: token -> successor",),
    "comparisons": (
        "measurements beside predictions. They agree where the number found is off by its estimated error at most, and "
        "that error is not above the one allowed",
    ),
    "data": ("datasets", "dataset"),
    "dominance_lasts_until": ("dominance held at each step before t =",),
    "entry": ("gradient in the token's score",),
    "error": ("estimated error",),
    "eta_t_excess": ("eta t (L - L*)",),
    "excess": ("L - L*",),
    "growth": ("growth at the last doubling of t",),
    "lead_per_step": ("growth per step of the wrong token's lead",),
    "least_gap": ("least lead in W_kq*",),
    "log_C_of_the_loss": ("log C of NT13",),
    "longer_sentences": ("longer sentences: optimal token -> next token",),
    "lower": ("least |W_t| over the lower bound",),
    "measured": ("number",),
    "ratio": ("ratio to what is claimed",),
    "resolution": ("error allowed",),
    "sentences": ("shifted sentences",),
    "signs": ("expressions that are positive",),
    "start": ("s",),
    "upper": ("largest |W_t| over the upper bound",),
    "W_kq_columns": ("column of W_kq*",),
    "W_kq_dual_value": ("sum of the duals of W_kq*",),
    "W_kq_squared_norm": ("|W_kq*|^2",),
    "W_ov_squared_norm": ("|W_ov*|^2",),
    "wrong": ("what fails",),
}
