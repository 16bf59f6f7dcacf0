"""How the documentation is built: `nox -s docs`.

Nothing is fetched: no inventories of other projects, no fonts, no scripts from elsewhere.
"""

import re
import warnings

from sklearn.exceptions import ConvergenceWarning
from sphinx.application import Sphinx

import nnhp

project = "nnhp"
author = "the nnhp developers"
copyright = "the nnhp developers"  # noqa: A001
release = version = nnhp.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "reliability_figures.md"]  # a part of a page
templates_path = ["_templates"]
nitpicky = True  # a reference that leads nowhere is a warning, unless its page is not ours:
nitpick_ignore_regex = [(r"py:.*", r"(matplotlib|pandas|sklearn)\..*")]
default_role = "literal"  # one backtick in docstrings is code
smartquotes = False  # values are written in straight quotes

# --- pages ----------------------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# --- API ------------------------------------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"  # docstrings tell types in words
numpydoc_show_class_members = False  # the template of a class lists them
numpydoc_xref_param_type = False

# --- gallery --------------------------------------------------------------------------------------

warnings.simplefilter("ignore", ConvergenceWarning)  # examples are short

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "capture_repr": ("_repr_html_",),  # not the text of a display
    "filename_pattern": r"\.py$",  # each is run, also those that draw nothing
    "within_subsection_order": "FileNameSortKey",
    "show_memory": False,
    "write_computation_times": False,
    "download_all_examples": False,
    "show_signature": False,
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("nnhp",),
    "matplotlib_animations": False,
    "abort_on_example_error": True,
}

# --- look -----------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "nnhp"
html_static_path = ["_static"]
html_css_files = ["nnhp.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "nnhp"},
    "navigation_with_keys": False,
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def as_inherited(*args: object) -> None:
    """Adapt docstrings that come from scikit-learn, whose pages and versions are not these."""
    lines = args[-1]
    assert isinstance(lines, list)
    role = r":(?:ref|term|math):`([^`<]*?)(?:\s*<[^`>]*>)?`"
    fraction = r"\\frac{(\w+)}{(\w+)}"
    version = r"(\.\. version\w+::) (?=\d)"
    for pattern, text in ((fraction, r"\1 / \2"), (role, r"*\1*"), (version, r"\1 scikit-learn-")):
        lines[:] = [re.sub(pattern, text, line) for line in lines]


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", as_inherited, priority=900)
