"""Sphinx configuration: Markdown pages, formulas as MathML, no network at build time or when read."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

from verify import __version__  # noqa: E402  # the path to it is set above

project = "landscape-verifier"
version = release = __version__
author = "The landscape-verifier authors"
project_copyright = author

extensions = [
    "myst_parser",
    "sphinx_design",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "bound_table",
    "claim_boxes",
    "glossary_of",
    "imported_names",
    "plain_docstrings",
    "mathml",
    "modules",
    "shared_navigation",
]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "_ext", "gallery/*.txt"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "undoc-members": True, "exclude-members": "model_config"}
autodoc_preserve_defaults = True

nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!(verify|proofs|numerics)\.).*"),  # names of other libraries: they would need the network
    ("py:class", r".*\.(_?[a-z]\w*|[A-Z]\w*\.__class__|Any[A-Z]\w*)"),  # functions and type variables in annotations
    ("py:class", r"verify\.shards\.Result"),  # another type variable
]

html_math_renderer = "mathml"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_title = f"landscape-verifier {version}"
html_show_sphinx = False
html_copy_source = False
