"""The result of a run as one page of HTML that loads nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify import __version__
from verify.env import environment
from verify.papers.sub_ngrams.near_stationary.plot import norms_figure
from verify.report.check_html import COLOURS, TEMPLATES
from verify.report.inline_svg import inline_svg
from verify.report.picture import fix_layout

if TYPE_CHECKING:
    from verify.papers.sub_ngrams.near_stationary.result import NearStationary

CAPTION = "Norms of the population gradient over the length of the sequences."
PAGE = """{% from "marks.html.j2" import verdict_mark %}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="generator" content="landscape-verifier {{ version }}">
<title>Near-stationarity: {{ found.headline }}</title>
<style>
{% include "check.css" %}
.wide { overflow-x: auto; }
.wide table { border-collapse: collapse; font: .8125rem/1.5 var(--mono); white-space: nowrap; }
.wide th, .wide td { padding: .2rem .7rem .2rem 0; text-align: left; border-bottom: 1px solid var(--line); }
</style>
</head>
<body>
<header>
<p class="kind">Near-stationarity of a network</p>
<h1>Norm of the population gradient</h1>
<p class="source">{{ found.headline }}</p>
</header>
<main>
{% if found.reason %}<p class="surprises" role="alert">Stopped: {{ found.reason }}</p>{% endif %}
{% for name, finding in found.findings.items() %}
<section aria-label="{{ name }}">
<h2>{{ name }} {{ verdict_mark(finding.verdict) }}</h2>
<dl class="facts">
<div><dt>Claim</dt><dd>{{ finding.predicted }}</dd></div>
{% if finding.found %}<div><dt>Found</dt><dd>{{ finding.found }}</dd></div>{% endif %}
<div><dt>Scope</dt><dd>{{ finding.scope }}</dd></div>
{% if finding.evidence and not finding.reason %}<div><dt>Evidence</dt><dd>{{ finding.evidence }}</dd></div>{% endif %}
{% if finding.reason %}<div><dt>Reason</dt><dd>{{ finding.reason }}</dd></div>{% endif %}
</dl>
</section>
{% endfor %}
<figure>{{ picture }}<figcaption>{{ caption }}</figcaption></figure>
<div class="wide"><table>
<thead><tr>{% for cell in rows[0] %}<th scope="col">{{ cell }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in rows[1:] %}
<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</tbody>
</table></div>
{% for sentence in found.sentences() %}
<p>{{ sentence }}</p>
{% endfor %}
</main>
<footer><p>{{ environment }}</p></footer>
</body>
</html>
"""


def page(found: NearStationary) -> str:
    """The page; it holds no time and no date."""
    figure = norms_figure(found)
    fix_layout(figure)
    return TEMPLATES.from_string(PAGE).render(
        found=found,
        rows=found.rows(),
        picture=inline_svg(figure, name="norms", label=CAPTION, colours=COLOURS),
        caption=CAPTION,
        version=__version__,
        environment=environment(),
    )
