"""The model that the claims are about, and what the symbols in the statements mean."""

MODEL = (
    "Tokens: a sequence x_1 .. x_T over S tokens is drawn with a transition kernel tau of its own: the next token "
    "depends on the last n-1. The network sees x_1 .. x_T and predicts x_{T+1}.",
    "Network: two attention layers on one-hot tokens. Head h of the first layer reads h positions back; the second "
    "layer compares what the heads read at the end with what they read at every position j, gives j the attention a_j, "
    "and predicts the token s with probability p(s), the attention on the positions that hold s.",
    "Question: theta_k is a setting of the parameters at which the network counts as a k-gram model does. Is it a "
    "stationary point, that is, does the gradient of the population loss L vanish there? No at any finite length and "
    "scale; yes in the limit of long sequences, and the claims say how fast and in which limits.",
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
    "has "
    "not occurred, and the network can only copy",
    "l": "loss of one sequence, -sum_s P(s) log p(s)",
    "L": "population loss: the mean of l over sequences and kernels",
    "gradient": "of the population loss, in all parameters unless others are named",
    "theta": "all parameters of the network: A, V, Q, K",
    "theta_k": "the k-gram configuration: the parameters at which a position has the attention weight q to the power "
    "of its matches, a match being a lag l in Lambda with x_{j-l} = x_{T-l+1}; as c -> infinity the network copies "
    "what "
    "followed the last k-1 tokens before, as a k-gram model counts. Its head h in Lambda, or h+1 in Lambda, looks h "
    "places back; blocks W_{l-1,l} = c I for l in Lambda, the others 0",
    "theta_k^+": "theta_k with a frequency term: the logits lose beta times the frequency of the token",
    "beta": "weight of the frequency term of theta_k^+",
    "f": "frequencies of the tokens in the sequence",
    "c": "scale of the configuration: its attention logits are c times the number of matching lags",
    "q": "e^c, by what factor one matching lag raises the attention weight; q = infinity is exact counting",
    "N": "N(h) is the number of positions that match the context h in every lag of Lambda, N(h,s) of those that hold "
    "s: "
    "the k-gram estimate is N(h,s)/N(h)",
    "h": "a context: tokens at the lags of Lambda; as an index, a head of the first layer",
    "u": "a context of n-1 tokens",
    "heads": "the attention heads of the first layer: head h reads position t-h; where there is none, padded heads "
    "read 0, literal heads "
    "the mean of the tokens up to t; hard heads look at one position, soft heads at all, with logit c_A on that one",
    "c_A": "logit of a soft head on the position that it looks at",
    "A": "positional logits of the first layer's heads; in bounds on norms, another bound",
    "V": "value matrices of the first layer's heads",
    "Q": "query matrix of the second layer; Q_a acts on the token at lag a of the last position",
    "K": "key matrix of the second layer; K_b acts on the token at lag b of position j. In bounds, the number "
    "S^(|Lambda|+1)",
    "W": "Q K^T, which gives the logits z; in the merged parametrisation the parameter itself",
    "W_ab": "block of W, an S x S matrix: it compares the token at lag a of the last position (query lag) with that at "
    "lag b of position j (key lag)",
    "M_ab": "score block: the derivative of the population loss in the block W_ab, an S x S matrix with one entry "
    "[v, v'] for each pair of tokens. Its query lag is a, its key lag b, in use if a+1 or b is in Lambda. The "
    "gradient in "
    "Q, K and V is made of score blocks (SN2), so that the configuration is stationary where they vanish",
    "g_t": "dl/dz_t, the derivative of the loss of a sequence in the attention logit of position t",
    "G": "a partition, by which events count as the same; in SN18, the number S^|Lambda| (S+1)",
    "H": "entropy of the next token given other tokens",
    "E": "mean over what is drawn: sequences, kernels",
    "chi2": "the chi-squared distance of two laws",
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
}
