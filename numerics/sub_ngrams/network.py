"""The literal two-layer network, with arbitrary parameters (sub-n-grams/law-and-network).

Shapes: B sequences of T tokens out of S; H = n-1 heads; the stream has d = (H+1) S components, S for every lag 0..H.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import Law

Parametrisation = Literal["factorised", "merged"]
SATURATED = 1000.0  # logits of a softmax row that stand for c_A = inf: e^-1000 is 0 in floats


class Network(nn.Module):
    """A map from int64 sequences (B x T) to next-token probabilities (B x S).

    V     H x S x S, the value matrices of the first layer
    A     H x T x T, its positional logits, or None: hard padded heads, head h shifts by h and reads 0 where t-h < 0
    Q, K  d x D each, the second layer (factorised), or
    W     d x d in their place (merged); block W_ab is rows aS..aS+S (query lag a) and columns bS..bS+S (key lag b)

    All that is not None is a parameter. The dtype and the device are those of the tensors.
    """

    V: nn.Parameter
    A: nn.Parameter | None
    Q: nn.Parameter | None
    K: nn.Parameter | None
    W: nn.Parameter | None

    def __init__(
        self,
        V: Tensor,
        *,
        A: Tensor | None = None,
        Q: Tensor | None = None,
        K: Tensor | None = None,
        W: Tensor | None = None,
    ) -> None:
        super().__init__()
        if (Q is None) != (K is None) or (Q is None) == (W is None):
            raise ValueError("the second layer is either Q and K (factorised) or W (merged)")
        self.V = nn.Parameter(V)
        for name, value in {"A": A, "Q": Q, "K": K, "W": W}.items():
            self.register_parameter(name, None if value is None else nn.Parameter(value))
        self.H, self.S = V.shape[0], V.shape[1]
        d = (self.H + 1) * self.S
        if V.shape != (self.H, self.S, self.S):
            raise ValueError(f"V has shape {tuple(V.shape)}: H x S x S")
        if A is not None and (A.dim() != 3 or A.shape != (self.H, A.shape[1], A.shape[1])):
            raise ValueError(f"A has shape {tuple(A.shape)}: H x T x T with H={self.H}")
        if Q is not None and K is not None and (Q.shape != K.shape or Q.shape[0] != d):
            raise ValueError(f"Q and K have shapes {tuple(Q.shape)}, {tuple(K.shape)}: d x D both, d = (H+1) S = {d}")
        if W is not None and W.shape != (d, d):
            raise ValueError(f"W has shape {tuple(W.shape)}: d x d with d = (H+1) S = {d}")

    # --- what it computes ---

    def read(self, values: Tensor, *, last: bool = False) -> Tensor:
        """Of values for every head and position (B x H x T x C) the means by what each head of the first layer weighs
        its past with: at every position B x H x T x C, at the last only B x H x 1 x C."""
        B, H, T, C = values.shape
        if self.A is None:
            shifted = [pad(part, (0, 0, h, 0))[:, :T] for h, part in enumerate(values.unbind(1), 1)]
            every = torch.stack(shifted, 1) if shifted else values
            return every[:, :, -1:] if last else every
        if self.A.shape[1] != T:
            raise ValueError(f"sequences of length {T} for a network with T={self.A.shape[1]}")
        future = torch.ones(T, T, dtype=torch.bool, device=values.device).triu(1)
        logits = self.A.masked_fill(future, -math.inf)
        weights = torch.softmax(logits[:, -1:] if last else logits, 2)
        seen = weights @ values.permute(1, 2, 0, 3).flatten(2)  # H x T x BC
        return seen.reshape(H, 1 if last else T, B, C).permute(2, 0, 1, 3)

    def stream(self, x: Tensor) -> Tensor:
        """[e_{x_t}; y_t^(1); ...; y_t^(H)] for every position t: B x T x d."""
        tokens = self._one_hot(x)
        seen = self.read(self._every_head(tokens))
        return torch.cat([tokens, *(y @ self.V[h] for h, y in enumerate(seen.unbind(1)))], 2)

    def logits(self, x: Tensor) -> Tensor:
        """The second layer's attention logits z_j of the last position, for every position j: B x T.

        The stream is formed at the last position only. With u its query, a key at j adds u_0 at x_j, and for every head
        h the mean, by the weights with which h reads there, of V^(h) u_h at x_i.
        """
        tokens = self._one_hot(x)
        seen = self.read(self._every_head(tokens), last=True)[:, :, 0]
        X = torch.cat([tokens[:, -1:], torch.einsum("bhs,hsv->bhv", seen, self.V)], 1).flatten(1)
        if self.W is not None:
            query = X @ self.W
        else:
            assert self.Q is not None
            assert self.K is not None
            query = X @ self.Q @ self.K.T
        u = query.reshape(len(x), self.H + 1, self.S)
        by_token = torch.cat([u[:, :1], torch.einsum("bhv,hsv->bhs", u[:, 1:], self.V)], 1)
        values = torch.einsum("bhs,bts->bht", by_token, tokens)
        return values[:, 0] + self.read(values[:, 1:, :, None])[..., 0].sum(1)

    def _holds(self, x: Tensor) -> Tensor:
        """1{x_t = s}, true or false: B x T x S. (torch's one_hot looks at all tokens first.)"""
        return x[:, :, None] == torch.arange(self.S, device=x.device)

    def _one_hot(self, x: Tensor) -> Tensor:
        return self._holds(x).to(self.V.dtype)

    def _every_head(self, tokens: Tensor) -> Tensor:
        return tokens[:, None].expand(-1, self.H, -1, -1)

    def forward(self, x: Tensor) -> Tensor:
        """p_theta(s) = sum_j a_j 1{x_j = s}: B x S."""
        a = torch.softmax(self.logits(x), 1)
        return torch.einsum("bt,bts->bs", a, self._one_hot(x))

    def log_probabilities(self, x: Tensor) -> Tensor:
        """log p_theta(s), without underflow: B x S; -inf, with gradient 0, for a token that does not occur in x."""
        z = self.logits(x)
        holds = self._holds(x)
        occurs = holds.any(1)
        # an absent token gets a stand-in (all positions): in older torch, logsumexp of nothing has gradient NaN
        masked = z[:, :, None].masked_fill(~(holds | ~occurs[:, None]), -math.inf)
        return (masked.logsumexp(1) - z.logsumexp(1, keepdim=True)).masked_fill(~occurs, -math.inf)

    def losses(self, x: Tensor, P: Tensor, epsilon: float = 0.0) -> Tensor:
        """-sum_s P(s) log(p_theta(s) + epsilon) for each sequence: B. P (B x S) is the law of the next token.

        At epsilon = 0 the sum runs over the tokens that occur in x: the others have p_theta = 0 whatever the
        parameters are, make the loss infinite and leave its gradient alone.
        """
        if epsilon > 0:
            return -(P * (self.forward(x) + epsilon).log()).sum(1)
        log_p = self.log_probabilities(x)
        return -(P * log_p.masked_fill(log_p == -math.inf, 0.0)).sum(1)

    # --- where in parameter space ---

    @staticmethod
    def at_configuration(
        law: NGramLaw | Law,
        configuration: Configuration,
        T: int,
        *,
        parametrisation: Parametrisation = "factorised",
        c_A: float = math.inf,
        c: float | None = None,
        dtype: torch.dtype = torch.float64,
        device: torch.device | None = None,
    ) -> Network:
        """The Lambda-gram configuration (sub-n-grams/configuration), c = log q or as given; c_A = inf: hard heads.

        A soft or literal head h has logit c_A on position t-h. Where t-h does not exist it sees the average of all
        tokens so far: no logits give the 0 of a padded head there. Raises ValueError when c is infinite.
        """
        c = configuration.c if c is None else c
        if c == math.inf:
            raise ValueError("c=inf: no finite parameters have it; the limit is one of the score blocks only")
        if not set(configuration.lags) <= set(range(1, law.n)):
            raise ValueError(f"lags={configuration.lags}: the network with n={law.n} has the lags 1..{law.n - 1}")
        S, H, active = law.S, law.n - 1, configuration.active_heads
        eye = torch.eye(S, dtype=dtype, device=device)
        V = torch.stack([eye * (h in active) for h in range(1, H + 1)]) if H else eye.new_zeros(0, S, S)
        A = None
        if c_A != math.inf or configuration.heads == "literal":
            A = positional_logits(law.n, T, active, min(c_A, SATURATED)).to(eye)
        if parametrisation == "merged":
            return Network(V, A=A, W=_merged(law, configuration.lags, c, eye))
        Q = eye.new_zeros(law.n, S, law.n, S)  # lag, token, slot, coordinate
        K = eye.new_zeros(law.n, S, law.n, S)
        for lag in configuration.lags:
            Q[lag - 1, :, lag] = K[lag, :, lag] = math.sqrt(c) * eye
        return Network(V, A=A, Q=Q.reshape(law.n * S, -1), K=K.reshape(law.n * S, -1))

    @staticmethod
    def random(
        law: NGramLaw | Law,
        T: int,
        generator: torch.Generator,
        *,
        scale: float = 1.0,
        parametrisation: Parametrisation = "factorised",
        hard: bool = False,
        dtype: torch.dtype = torch.float64,
    ) -> Network:
        """Independent normal parameters of standard deviation `scale`, on the generator's device."""

        def normal(*shape: int) -> Tensor:
            return scale * torch.randn(*shape, generator=generator, dtype=dtype, device=generator.device)

        H, d = law.n - 1, law.n * law.S
        A = None if hard else normal(H, T, T)
        if parametrisation == "merged":
            return Network(normal(H, law.S, law.S), A=A, W=normal(d, d))
        return Network(normal(H, law.S, law.S), A=A, Q=normal(d, d), K=normal(d, d))

    @staticmethod
    def initial(
        law: NGramLaw | Law, T: int, generator: torch.Generator, *, dtype: torch.dtype = torch.float64
    ) -> Network:
        """The authors' start of training: A = 0, V ~ N(0, 1/S), Q and K ~ N(0, 1/d); on the generator's device."""

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=dtype, device=generator.device)

        H, S, d = law.n - 1, law.S, law.n * law.S
        A = torch.zeros(H, T, T, dtype=dtype, device=generator.device)
        return Network(
            normal(H, S, S) / math.sqrt(S), A=A, Q=normal(d, d) / math.sqrt(d), K=normal(d, d) / math.sqrt(d)
        )


def positional_logits(n: int, T: int, heads: Iterable[int], c_A: float) -> Tensor:
    """A with c_A on position t-h for these heads h, and 0 elsewhere: H x T x T."""
    A = torch.zeros(n - 1, T, T, dtype=torch.float64)
    for h in heads:
        A[h - 1].diagonal(-h).fill_(c_A)
    return A


def _merged(law: NGramLaw | Law, lags: tuple[int, ...], c: float, eye: Tensor) -> Tensor:
    """W with W_{l-1,l} = c I for every lag l and 0 elsewhere: d x d."""
    W = eye.new_zeros(law.n, law.S, law.n, law.S)
    for lag in lags:
        W[lag - 1, :, lag] = c * eye
    return W.reshape(law.n * law.S, law.n * law.S)
