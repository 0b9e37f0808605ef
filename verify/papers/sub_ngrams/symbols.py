"""The model that the claims are about, and what the symbols in the statements mean."""

from verify.papers.sub_ngrams.engines import ENGINES

MODEL = (
    "Tokens: a sequence x_1 .. x_T over S tokens is drawn with a transition kernel tau of its own: the next token "
    "depends on the last n-1. The network sees x_1 .. x_T and predicts x_{T+1}.",
    "Network: two attention layers on one-hot tokens. Head h of the first layer reads h positions back; the second "
    "layer compares what the heads read at the end with what they read at every position j, gives j the attention "
    "a_j, and predicts the token s with probability p(s), the attention on the positions that hold s.",
    "First layer, in rows of S entries: y_0(t) = e_{x_t} is the one-hot token, and y_h(t) = sum_i w_i e_{x_i} V_h "
    "for the heads h = 1..n-1, where w is the softmax over i <= t of row t of A_h, a T x T matrix, and V_h is S x S. "
    "Padded heads have no A: y_h(t) = e_{x_{t-h}} V_h, and 0 where t <= h.",
    "Second layer: z_j = sum_{a,b} <y_a(T) Q_a, y_b(j) K_b> over a, b = 0..n-1, which is the sum of y_a(T) W_ab "
    "y_b(j)^T with the S x S blocks W_ab = Q_a K_b^T (here a raised T transposes); Q_a and K_b are S x n S, n slots "
    "of S columns each. Then a_j = e^z_j / sum_i e^z_i and p(s) = sum_j a_j 1{x_j = s}.",
    "At theta_k: Q_{l-1} = K_l = sqrt(c) I in slot l, for l in Lambda; for the heads h with h or h+1 in Lambda, V_h "
    "= I, and row t of A_h is c_A at position t-h, if there is one, and 0 elsewhere, c_A -> infinity; all else is 0. "
    "So W_{l-1,l} = c I for l in Lambda, and z_j is, with padded heads, c times the number of l in Lambda with "
    "x_{j-l} = x_{T-l+1}.",
    "Question: theta_k is a setting of the parameters at which the network counts as a k-gram model does. Is it a "
    "stationary point, that is, does the gradient of the population loss L vanish there? At a fixed length it does "
    "not in general, however large c is (SN8); with T -> infinity and then c -> infinity it does (SN5), and the "
    "claims say how fast and along which other paths (SN7, SN22). A recorded training run has its plateaus at the "
    "losses of theta_k^+, which has one term more (SN15).",
    "The loss itself is infinite at a finite length, for every theta (SN10): a token may come next that the sequence "
    "does not hold, and the network gives it probability 0. That part of the loss is the same for every theta. So "
    "its gradient, and differences of losses, are those of the sum over the tokens that occur, and are finite.",
)

_KERNEL = (
    "transition kernel: tau(s | u) is the probability of the token s after the context u of n-1 tokens; drawn anew for "
    "every sequence, each row from the symmetric Dirichlet law with parameter alpha, the prior"
)
_LAGS = "how many places back: the token at lag a of position t is x_{t-a}"

SYMBOLS = {
    "S": "size of the vocabulary, the number of tokens",
    "n": "order of the law: the next token depends on the last n-1",
    "T": "length of a sequence",
    "k": "a k-gram predicts from the last k-1 tokens; k <= n",
    "x_t": "the token at position t; x_T is the last one, x_{T-a} the one a places before it",
    "tau": _KERNEL,
    "kernel": _KERNEL,
    "alpha": "parameter of the symmetric Dirichlet prior from which each row of tau is drawn",
    "initial": "how the first n-1 tokens of a sequence are drawn. Uniform: each of the S tokens alike; dirichlet: "
    "from one law of single tokens, itself drawn from the Dirichlet law with parameter alpha for every sequence",
    "P": "law of the next token given the sequence, averaged over the kernels that remain possible: the best "
    "prediction",
    "lag": _LAGS,
    "Lambda": "the set of lags that a configuration looks at; the k-gram looks at 1..k-1, so lags {1} is the bigram, "
    "k = 2",
    "z_j": "attention logit of position j in the second layer; z is the vector of all",
    "z": "the attention logits of the second layer, z_j at position j",
    "a_j": "attention weight of position j, the softmax of z",
    "p": "the network's next-token probabilities: p(s) is the sum of a_j over the positions j that hold s",
    "p_theta": "the network's next-token probabilities at the parameters theta",
    "rho": "the mass that P gives to those tokens that occur in the sequence; below 1, as a token may come next that "
    "has not occurred, and the network can only copy",
    "l": "loss of one sequence, -sum_s P(s) log p(s); in gradients and differences the sum is over the tokens that "
    "occur in it, as log p(s) of the others is -infinity whatever theta is",
    "L": "population loss: the mean of l over sequences and kernels. It is infinite at a finite T (SN10); its "
    "gradient and differences are those of the sum over tokens that occur. Where a loss is drawn or measured at a "
    "finite T (SN15, SN25), 10^-8 is added to p(s), as in training",
    "gradient": "of the population loss, in all parameters unless others are named; that of the tokens that occur, "
    "which is finite. Its norm is the root of the sum of the squares of its entries",
    "theta": "all parameters of the network: A, V, Q, K",
    "configuration": "theta_k, for the k-gram or any other set Lambda of lags",
    "theta_k": "the k-gram configuration: the parameters at which a position has the attention weight q to the power "
    "of its matches, a match being a lag l in Lambda with x_{j-l} = x_{T-l+1}. As c -> infinity the network copies "
    "what followed the last k-1 tokens before, as a k-gram model counts. Head h in Lambda, or with h+1 in Lambda, "
    "looks h places back and has V_h = I; blocks W_{l-1,l} = c I for l in Lambda, the others 0",
    "theta_k^+": "theta_k with a frequency term: the logits lose beta times the frequency of the token. That takes "
    "weight from frequent tokens and shrinks the estimate towards equal probabilities, as counts with something "
    "added do: a k-gram counted in a short sequence is too sure of itself. The network has it in its reach, and has "
    "a lower loss there",
    "beta": "weight of the frequency term of theta_k^+",
    "f": "frequencies of the tokens in the sequence",
    "c": "scale of the configuration: its attention logits are c times the number of matching lags",
    "q": "e^c, by what factor one matching lag raises the attention weight; q = T is c = log T, and q = infinity is "
    "exact counting",
    "along": "along c = log T: at each length T the scale is c = log T, and T grows. An order of limits, T -> "
    "infinity and then c -> infinity, is something else",
    "N": "N(h) is the number of positions that match the context h in every lag of Lambda, N(h,s) of those that hold "
    "s: the k-gram estimate is N(h,s)/N(h)",
    "h": "a context: tokens at the lags of Lambda; as an index, a head of the first layer",
    "u": "a context of n-1 tokens",
    "heads": "the attention heads of the first layer: head h reads position t-h; where there is none, padded heads "
    "read 0, literal heads the mean of the tokens up to t; hard heads look at one position, soft heads at all, with "
    "logit c_A on that one",
    "slot": "Q and K have nS columns: n slots of S columns. What Q_a and K_b hold in one slot is compared there, so "
    "that W_ab is a sum over slots; theta_k uses slot l for the lag l in Lambda",
    "saturated": "with a logit c_A so large that in floats the softmax sees one position alone. Saturated heads are "
    "soft heads like that, as training can reach them: where position t-h does not exist they read the mean of the "
    "tokens up to t, as literal heads",
    "scales": "c for each lag; the best ones are those at which the loss is least, found from drawn sequences",
    "plateau": "a stretch of a training run in which the loss hardly falls",
    "c_A": "logit of a soft head on the position that it looks at",
    "A": "positional logits of the first layer's heads",
    "V": "value matrices of the first layer's heads",
    "Q": "query matrix of the second layer; Q_a acts on the token at lag a of the last position",
    "K": "key matrix of the second layer; K_b acts on the token at lag b of position j",
    "W": "Q K^T, which gives the logits z; in the merged parametrisation the parameter itself",
    "W_ab": "block of W, an S x S matrix: it compares the token at lag a of the last position (query lag) with that "
    "at lag b of position j (key lag)",
    "M_ab": "score block: the derivative of the population loss in the block W_ab, an S x S matrix with one entry "
    "[v, v'] for each pair of tokens. Its query lag is a, which is in use if a+1 is in Lambda; its key lag is b, in "
    "use if b is in Lambda. The gradient in Q, K and V is made of those score blocks with one of the two in use "
    "(SN2), so that the configuration is stationary where they vanish. Its entry is M_ab[v][v']",
    "score": "derivative of the loss of one sequence in the attention logit of a position, g_t; sums of these are the "
    "score blocks M_ab",
    "g_t": "dl/dz_t, the derivative of the loss of a sequence in the attention logit of position t",
    "G": "a partition, by which events count as the same",
    "H": "entropy of the next token given other tokens",
    "E": "mean over what is drawn: sequences, kernels",
    "chi2": "the chi-squared distance of two laws",
    "kappa": "the least mass that the laws of the next token after two contexts have in common; delta is the same of "
    "the next n-1 tokens",
    "m": "T-n+2, the number of words of n tokens in a sequence and the next token",
    "m_jl": "1 if position j matches in lag l, else 0",
    "D": "S^(n-1), the number of contexts",
    "r": "max(1, T/q), what keys that do not match in every lag weigh at most, or 1",
    "phi": "phi(x) = x (1 + log(1/x)) for x < 1, and 1 from 1 on",
    "Gamma": "1 - (q/(q+S-1))^|Lambda|, the share of keys that do not match, at most",
    "R": "how far from stationary the sequence and its end are, at most",
    "d": "largest total variation distance from the stationary law, d(g) that g steps after a context",
    "size": "of a block, the sum of its positive entries or of its negative ones, whichever is larger",
    "factorised": "Q and K are parameters, as in the paper; merged: their product W is",
    "merged": "the product W = Q K^T is the parameter, in place of Q and K",
    **{engine.name: f"engine, a way to compute the gradient: {engine.summary}" for engine in ENGINES.values()},
}

_SOFT = {
    "h": "a head of the first layer, or the lag that it reads",
    "gradient": "of the loss of one sequence, in A; the population gradient is that of the population loss",
}
_HEAD = {"h": "a head of the first layer, or the lag that it reads"}

OWN = {
    "SN2": _HEAD | {"l": ""},
    "SN7": {"r": ""},
    "SN10": {"p": "the probability that the next token is absent from the sequence"},
    "SN12": {"P": "law of the stationary chain: P(h) of the context h, P(h,v) with v at the unused lag besides"},
    "SN11": {"along": ""},
    "SN14": _SOFT,
    "SN14c": _SOFT,
    "SN16": {"K": "", "N": ""},
    "SN16s": {"K": ""},
    "SN16v": {"D": "", "m": ""},
    "SN17": {"A": "", "L": "", "N": ""},
    "SN18": {"G": ""},
    "SN20": {"A": "", "E": "", "L": ""},
    "SN21": {"K": ""},
    "SN22": {"along": ""},
    "SN22c": {"K": "the number S^(|Lambda|+1)", "d": "", "along": ""},
    "SN23": {"m": "the entry of M_{a,0} in question"},
    "SN24": {"l": "a lag, from 1 to k-1"},
    "SN25c": {"f": ""},
    "SN25e": _HEAD,
    "SN26": {"D": "", "V": ""},
}

_SQUARED = ("", "standard error")

LABELS = {
    "B along q = T": ("B along q = T", "T"),
    "blocks and norms with a bound that says something": ("number of blocks and norms whose bound says something",),
    "blocks of the mean over the prior": ("number of blocks that are means over the prior",),
    "blocks with a bound below 1": ("number of blocks whose bound is below 1",),
    "bound along q = T": ("bound along q = T", "T", "bound"),
    "checked": ("derivatives checked",),
    "coefficients": ("coefficients", "lag", "coefficient"),
    "compared": ("sizes beside their bounds",),
    "compared, the largest ratio at each T and q": ("sizes beside their bounds, the largest ratio at each T and q",),
    "computed": ("its size",),
    "corpus": ("dL/dbeta of a term in the frequencies of the corpus",),
    "corrected": ("|gradient|^2 at theta_k^+", *_SQUARED),
    "curvature": ("second derivative of L in beta",),
    "degree in q": ("degree in q", "gradient in", "power of q"),
    "dlogp": ("d log p, for each atom of G: rows are outcomes, columns tokens",),
    "drift": ("loss at its end minus loss at its start",),
    "e": ("e, an entry of the kernel",),
    "E by": ("rule for E (none: E = 1)",),
    "entries that are not 0": ("for each kernel an entry of M_{a,0} that is not 0", "v", "v'", "M_{a,0}[v][v']"),
    "factor": ("norm of the gradient at theta_k over that at theta_k^+", "", "from", "to"),
    "failed": ("of these not as predicted",),
    "fall": ("fall of the loss",),
    "faster paths": ("norm of the gradient along faster paths, at the T over each column", "path"),
    "finite_length": ("tr M_{l-1,l} at c = infinity, l the unused lag", "T", "trace"),
    "first": ("first step",),
    "gain": ("by how much the loss is lower at theta_k^+", *_SQUARED),
    "gradient_at_averaged_parameters": ("gradient at the averaged parameters",),
    "hessian": ("Hessian at theta_k",),
    "inequalities that fail at a kernel": ("inequalities that some kernel violates",),
    "its limit": ("limit along that family",),
    "kernels looked at": ("number of kernels",),
    "lag weight at T": ("lag weight at each T",),
    "last": ("last step",),
    "level_loss": ("loss of the level",),
    "lowest": ("lowest eigenvalue",),
    "M_{0,0}[0][1] at 1/e": ("M_{0,0}[0][1] along a family of chains", "1/e", "M_{0,0}[0][1]"),
    "mean |gradient in A|": ("mean |gradient in A| at each T", "mean", "standard error"),
    "mean |p_soft - p_hard|": ("mean |p_soft - p_hard| at each T", "mean", "standard error"),
    "near": ("for how long it is at most half of that to any other",),
    "negative": ("negative eigenvalues",),
    "noise": ("trace of the covariance of one sequence's gradient",),
    "of": ("block or norm",),
    "of these with a bound below 1": ("number of those means whose bound is below 1",),
    "others": ("mean total variation to the nearest other one",),
    "p": ("p, a row for each atom of G",),
    "P(next token absent)": ("chance that the next token is absent", "T", "chance"),
    "pairs": ("engines that agree", "engines", "comparisons"),
    "peak": ("root mean square of |gradient in A|, over the larger one on the plateaus beside",),
    "plain": ("|gradient|^2 at theta_k", *_SQUARED),
    "predicted_lowest": ("predicted lowest eigenvalue",),
    "predicted_negative": ("predicted ones among them",),
    "previous": ("dL/dbeta of a term on the token before",),
    "r": ("exponent r",),
    "race": ("first derivatives that are not 0, by unused lag",),
    "rate": ("rate at which it is left",),
    "repetition": ("derivative in Q_{k-1} x K_0, without a new head",),
    "rests": ("where the flow rests",),
    "second computations": ("second computations", "what was computed again", "comparisons"),
    "share": ("share of the lowest eigenvector in the free columns of Q_{k-1} and K_0",),
    "size": ("size of the block",),
    "slope": ("dL/dbeta",),
    "speed": ("|gradient|, over the largest of the flow",),
    "squared": ("squared norm, an unbiased estimate that may be below 0",),
    "statement": ("identity",),
    "tau": ("tau, for each atom of G: rows are outcomes, columns tokens",),
    "transitions": ("transitions", "from", "to"),
    "unmatched": ("predicted eigenvalues that are not found",),
    "until": ("time at the end of the flow",),
    "variation": ("mean total variation to theta_k^+",),
    "variations": ("mean total variations to theta_1^+, theta_2^+, ..",),
    "weight": ("weights of the outcomes, for each atom of G",),
}
