"""One package per paper: its settings and its claims. Importing this imports none of the libraries that check them."""

from verify.claim import Paper
from verify.claims.mean_field import PAPER as MEAN_FIELD
from verify.claims.next_token import PAPER as NEXT_TOKEN
from verify.claims.sub_ngrams import PAPER as SUB_NGRAMS

PAPERS: dict[str, Paper] = {paper.name: paper for paper in (SUB_NGRAMS, MEAN_FIELD, NEXT_TOKEN)}
