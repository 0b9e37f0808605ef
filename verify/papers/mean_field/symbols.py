"""The model that the claims are about, and what the symbols in the statements mean."""

MODEL = (
    "A two-layer network of infinitely many neurons theta = (a, w), distributed by mu, computes k outputs; one layer "
    "of linear attention with matrix W then fits the examples of a prompt. The target f° has k components.",
    "The finite model: written in m orthonormal features, the network is the k x m matrix H and the target the "
    "matrix F. With the attention at its best, the loss is L = |F (I - P)|^2 / 2: how much of the target lies "
    "outside the row space of H.",
    "Question: is the landscape of L benign, that is, does every critical point but the global minima have a "
    "direction in which the loss falls, and how fast does it fall along training?",
)

SYMBOLS = {
    "k": "number of outputs, the dimension of f°",
    "m": "number of orthonormal features",
    "H": "the network's outputs in the basis of features, a k x m matrix",
    "F": "the target f° in that basis, k x m",
    "A": "H H^T, the network's covariance",
    "B": "F H^T, the covariance of target and network",
    "P": "projection to the row space of H",
    "Q": "I - P",
    "H^+": "pseudoinverse of H",
    "M": "A^-1 H F^T",
    "Z": "F (I - P) F^T, the covariance of the residual zeta",
    "W": "attention matrix",
    "a": "output weight of a neuron",
    "w": "input weight of a neuron",
    "n": "number of examples in a prompt",
    "A^T": "the transpose of a matrix A",
    "I": "identity matrix",
    "D": "directional derivative: D^2 L[E,E] is the second along E",
    "L": "loss at the best attention matrix",
    "L_TF": "loss of the transformer with attention matrix W",
    "L^n": "loss with prompts of n examples",
    "mu": "law of the neurons' parameters",
    "theta": "parameters (a, w) of a neuron",
    "R": "a matrix that rotates the target in the homotopy",
    "E": "direction of a derivative in H",
    "S": "set of eigenvalues that a critical point misses",
    "r_low": "least eigenvalue of Sigma_°°",
    "S°": "F F^T, the covariance of the target",
    "lambda_i": "eigenvalues of Sigma_°°, the target's covariance",
    "Sigma_°°": "covariance of the target",
    "zeta": "residual: the part of the target outside the row space of H",
    "sigma": "standard deviation of the noise",
}

_MEAN = {"E": "the mean over what is drawn"}
_OTHER_LENGTHS = {"L_n": "loss with prompts of n examples, at the attention matrix W"}

OWN = {
    "MF1": _MEAN,
    "MF7": {"R_1": ""},
    "MF12": {"S_n": ""},
    "MF13": _MEAN,
    "MF14": {"R_4": "", "m_2": ""},
    "MF16": {**_MEAN, **_OTHER_LENGTHS, "S_q": "", "D": ""},
    "MF16c": _OTHER_LENGTHS,
    "MF17": _MEAN,
    "MF18": _MEAN,
    "MF20n": {"R_4": "", "m_2": "the number of MF14"},
}

_ESCAPE = "escape time measured over predicted"

LABELS = {
    "better": ("a better W",),
    "chances": ("chance of each task",),
    "closed form": ("closed form of the second variation",),
    "condition": ("what fails",),
    "curvature is enough": ("number of H at which the curvature is enough",),
    "E x tanh x": ("E[x tanh(x)]",),
    "eigenvalues of F F^T other than 0, multiplicity": ("eigenvalues of F F^T but 0", "eigenvalue", "multiplicity"),
    "f": ("f° at the points, in columns",),
    "gaps": ("mean |log| of the ratio of losses, by attention rate", "1", "10", "100"),
    "h": ("features h at the points, in columns",),
    "height above the level, of the gap to the next": ("plateaus: height above a level, of the way to the next",),
    "identities for every k and m": ("identities for every k and m", "identity", "holds"),
    "loss": ("loss", "from", "to"),
    "losses": ("the two losses",),
    "measured over predicted, directed": (f"{_ESCAPE}, along the fastest direction",),
    "measured over predicted, isotropic": (f"{_ESCAPE}, of independent noise",),
    "measured over predicted, process": (f"{_ESCAPE}, of a Gaussian process",),
    "off by": ("escape times over predicted ones, minus 1",),
    "points": ("points", "x", "f°(x)"),
    "prompt": ("law of x in prompts",),
    "query": ("law of x in queries",),
    "rate of the neuron at rest": ("-dL/dt of the neuron at rest",),
    "rate over bound": ("-dL/dt over its bound, after each birth",),
    "rational functions of all entries, k=2 m=3": (
        "identities of rational functions of all entries, k=2 m=3",
        "identity",
        "holds",
    ),
    "S: value, Hessian eigenvalues at A=I": ("critical points", "S", "L, then eigenvalues of the Hessian at A = I"),
    "slope / bound": ("|MZ|_* over its bound, at each H",),
    "slope is enough": ("number of H at which the slope is enough",),
    "standard errors": ("loss off the formula, in standard errors, at each n",),
    "tasks": ("tasks v, in columns",),
    "w": ("w", "from", "to"),
    "weights": ("chance of each point",),
    "without the terms in 1/n": ("off the formula without its terms in 1/n",),
}
