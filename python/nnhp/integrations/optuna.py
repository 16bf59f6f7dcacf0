"""Optuna: samplers that can be repeated, and studies to and from its storages.

Needs the extra ``nnhp[optuna]``.
"""

try:
    import optuna as _  # noqa: F401
except ImportError as error:
    raise ImportError(
        "nnhp.integrations.optuna needs Optuna: install the extra, pip install 'nnhp[optuna]'."
    ) from error

from nnhp.integrations._seeded import SeededSampler
from nnhp.integrations._studies import export_study, import_study

__all__ = ["SeededSampler", "export_study", "import_study"]
