"""The link to the documentation in the HTML that scikit-learn makes of an estimator."""

from __future__ import annotations

import sys
from itertools import takewhile

# As in pyproject.toml.
DOCUMENTATION = "https://nnhp.readthedocs.io/"


class DocLink:
    """An estimator whose HTML links to its page in nnhp's documentation.

    Stands before scikit-learn's base classes, whose attributes of these names it replaces. A
    subclass of a user has no page, and no link.
    """

    _doc_link_module = "nnhp"
    _doc_link_template = DOCUMENTATION + "en/stable/api/{name}.html"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        return {"name": public_name(type(self))}


def public_name(cls: type) -> str:
    """Return the name under which users import a class: 'nnhp.MLPClassifier'."""
    if cls.__name__ in sys.modules["nnhp"].__all__:
        return f"nnhp.{cls.__name__}"
    public = takewhile(lambda part: not part.startswith("_"), cls.__module__.split("."))
    return ".".join([*public, cls.__name__])
