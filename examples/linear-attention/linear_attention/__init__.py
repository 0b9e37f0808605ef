"""Linear attention on in-context linear regression, at prompts of finite length: claims LA1 to LA6."""

import landscape_verifier as lv
from linear_attention import index, learning_order, loss, merged, separate
from linear_attention.settings import LinearAttentionSettings, headline

PAPER = lv.Paper(
    name="linear-attention",
    title="Training dynamics of in-context learning in linear attention",
    source="setting of Zhang, Singh, Latham, Saxe, 2025; statements derived here, at finite prompts",
    prefix="LA",
    settings=LinearAttentionSettings,
    claims=lv.claims_of(loss, merged, separate, index, learning_order),
    headline=headline,
    selftest={"linear-attention": "D=2"},
)
