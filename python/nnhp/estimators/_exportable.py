"""What a fitted estimator can be written as: pickles, files of nnhp's own, ONNX, C."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import sklearn
from sklearn.exceptions import InconsistentVersionWarning

from nnhp._caller import stacklevel

if TYPE_CHECKING:
    import onnx

    from nnhp.estimators._base import BaseMLP

_VERSION = "_sklearn_version"


class Exportable:
    """The methods of both estimators that write what was fitted."""

    def __getstate__(self) -> dict[str, Any]:
        """As of scikit-learn's own estimators: with the version of scikit-learn."""
        state: Any = super().__getstate__()
        return {**state, _VERSION: sklearn.__version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept = {name: value for name, value in state.items() if name != _VERSION}
        written_by = state.get(_VERSION, sklearn.__version__)
        if written_by != sklearn.__version__:
            warning = InconsistentVersionWarning(
                estimator_name=type(self).__name__,
                current_sklearn_version=sklearn.__version__,
                original_sklearn_version=written_by,
            )
            warnings.warn(warning, stacklevel=stacklevel())
        self.__dict__.update(kept)

    def save(self, path: str | Path) -> None:
        """Write the fitted network to a file that runs nothing when it is read.

        Parameters
        ----------
        path : str or path-like
            An earlier file of that name stays until the new one is complete.

        Raises
        ------
        ValueError
            A parameter is something that such a file cannot hold, such as a function.
        sklearn.exceptions.NotFittedError
            The network is not fitted.
        OSError
            The file cannot be written.

        See Also
        --------
        nnhp.save : The same, also for a Pipeline.
        nnhp.load : Reads it.

        Examples
        --------
        >>> import nnhp
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> net = nnhp.MLPClassifier(8, max_iter=20, random_state=0).fit(X, y)
        >>> net.save("iris.nnhp")
        >>> nnhp.load("iris.nnhp").score(X, y) == net.score(X, y)
        True
        """
        from nnhp._model_files import save

        save(self, path)

    def to_onnx(self) -> onnx.ModelProto:
        """Make a model of ONNX, which programs without nnhp predict with.

        Its input is ``X``, float32 of shape (n_samples, n_features). A classifier's outputs are

        - ``label``: int64 of shape (n_samples,), or str for classes that are texts; after
          multilabel training int64 of shape (n_samples, n_labels), 0 or 1;
        - ``probabilities``: float32 of shape (n_samples, n_classes), as of `predict_proba`. With
          the hinge loss, which knows none, it is called ``decisions`` and has the numbers of
          `decision_function`: for two classes one column, positive for the second.

        A regressor has one output, ``variable``: float32 of shape (n_samples, n_outputs), a column
        for each target, or each quantile.

        The model computes in the precision of the net, that of its `coefs_`, and gives what nnhp
        gives up to rounding: a float64 net widens X, and rounds at the end. Such models
        need a runtime that has double precision, as onnxruntime has on CPUs; a net trained with
        ``dtype='float32'`` needs none.

        Returns
        -------
        model : onnx.ModelProto
            A model of opset 14, of ONNX's own operators only. `onnx.save` writes it to a file.

        Raises
        ------
        ImportError
            If onnx is not installed; it comes with the extra ``nnhp[onnx]``.
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If weights are not finite, or classes are neither whole numbers nor texts.

        See Also
        --------
        nnhp.integrations.skl2onnx.register_converters : For Pipelines.

        Examples
        --------
        >>> import numpy as np
        >>> import onnxruntime
        >>> from nnhp import MLPClassifier
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> net = MLPClassifier(8, solver="lbfgs", max_iter=500, random_state=0).fit(X, y)
        >>> model = net.to_onnx().SerializeToString()
        >>> session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        >>> samples = X[[0, 50, 100]].astype(np.float32)
        >>> label, probabilities = session.run(None, {"X": samples})
        >>> label.tolist()
        [0, 1, 2]
        >>> bool(np.allclose(probabilities, net.predict_proba(samples), rtol=0, atol=1e-6))
        True
        """
        from nnhp._exports import model_of
        from nnhp._exports._onnx import to_onnx

        return to_onnx(model_of(cast("BaseMLP", self)))

    def to_c_header(self, path: str | Path | None = None, *, name: str = "net") -> str:
        """Make a header of C that predicts, for programs and devices without Python.

        The text is C99 that includes ``<math.h>`` and nothing else, and allocates nothing: the
        arrays of weights are constants, what a prediction needs lies on the stack. Numbers are
        ``float`` for a float32 net, else ``double``. With ``name="net"`` there are

        - ``net_n_features``, and ``net_n_classes``, ``net_n_labels`` (multilabel) or
          ``net_n_outputs``;
        - of a classifier ``int net_predict(const double *x)``, the index of a class in the array
          ``net_classes``, which has numbers (``long long``) or texts;
          ``void net_predict_proba(const double *x, double *probabilities)``, or with the hinge loss
          ``void net_decision_function(const double *x, double *decisions)``; after multilabel
          training ``void net_predict(const double *x, int *labels)``;
        - of a regressor ``void net_predict(const double *x, double *y)``.

        Parameters
        ----------
        path : str or path-like, default=None
            File to write the text to; None for no file. An earlier one stays until the new one is
            complete.

        name : str, default='net'
            What all identifiers begin with: a letter, then letters, digits and underscores, at most
            32 in all. A program can include models of different names.

        Returns
        -------
        text : str
            The header, in ASCII.

        Raises
        ------
        TypeError
            If `name` is no str.
        ValueError
            If no identifiers can begin with `name`, weights are not finite, or classes are neither
            whole numbers nor texts; or a text has the character 0, which ends those of C.
        NotFittedError
            If the estimator is not fitted.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> from nnhp import MLPClassifier
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> net = MLPClassifier(8, solver="lbfgs", max_iter=500, random_state=0).fit(X, y)
        >>> header = net.to_c_header("iris.h", name="iris")
        >>> [line for line in header.splitlines() if line.startswith("static inline int")]
        ['static inline int iris_predict(const double *x) {']
        """
        from nnhp._exports import model_of
        from nnhp._exports._c_header import to_c_header

        return to_c_header(model_of(cast("BaseMLP", self)), path, name)
