"""MLPRegressor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from nnhp._checks import naming
from nnhp.activations import Activation
from nnhp.estimators import _losses, _scoring
from nnhp.estimators._base import BaseMLP, SparseMatrix, has_partial_fit
from nnhp.estimators._data import Given
from nnhp.estimators._params import REGRESSOR_CONSTRAINTS
from nnhp.losses import Huber, Quantile
from nnhp.optimizers import Optimizer
from nnhp.schedules import Schedule


class MLPRegressor(RegressorMixin, BaseMLP):
    """Multi-layer perceptron that predicts numbers, one or several per sample.

    All of scikit-learn's MLPRegressor, on a C++ engine, and more: dropout, elastic net,
    activations per layer, validation data of your own, callbacks.

    Parameters
    ----------
    loss : {'squared_error', 'absolute_error', 'huber', 'poisson', 'gamma', 'quantile'}, Huber or \
            Quantile, default='squared_error'
        What is minimised.

        - 'squared_error': half the squared error, averaged over samples and outputs. (Keras's
          'mse' is twice that, and no name here.)
        - 'absolute_error', 'mean_absolute_error' or 'mae': averaged over samples and outputs.
        - 'huber', or ``nnhp.losses.Huber(delta=1.0)``: squared for small errors, absolute for large
          ones.
        - 'poisson': half the Poisson deviance, averaged over samples and summed over outputs,
          with an exponential output. Needs ``y >= 0``.
        - 'gamma': half the gamma deviance, likewise. Needs ``y > 0``.
        - 'quantile', or ``nnhp.losses.Quantile((0.1, 0.5, 0.9))``: the pinball losses of several
          quantiles, averaged, with outputs that never cross. Needs a y of one column; `predict`
          then gives a column per quantile, and `score` is another.

    hidden_layer_sizes : int or sequence of int, default=(100,)
        Units of each hidden layer, from the input on. An int is one layer; ``()`` is a linear
        model.

    activation : str, activation or sequence of these, default='relu'
        Activation of the hidden layers: one for all, or one per layer. By name, or as an object of
        `nnhp.activations` with parameters of its own.

        - 'identity' or 'linear': z
        - 'logistic' or 'sigmoid': 1 / (1 + exp(-z))
        - 'tanh': tanh(z)
        - 'relu': max(0, z)
        - 'leaky_relu': z, or 0.2 z where that is negative; see `nnhp.activations.LeakyReLU`
        - 'elu': z, or exp(z) - 1 where z < 0; see `nnhp.activations.ELU`
        - 'selu': 1.0507 z, or 1.7581 (exp(z) - 1) where z < 0 [5]_
        - 'silu' or 'swish': z / (1 + exp(-z))
        - 'gelu': z times the share of standard normal numbers below z, exactly
        - 'mish': z tanh(log(1 + exp(z)))
        - 'softplus': log(1 + exp(z))
        - 'hard_sigmoid': (z + 3) / 6, but at least 0 and at most 1
        - 'prelu': z, or a trained slope times z where z < 0; see `nnhp.activations.PReLU`
        - 'maxout': the greater of two sums of each unit; see `nnhp.activations.Maxout`

    solver : str or optimizer, default='adam'
        How the loss is minimised: a name, or an object of :mod:`nnhp.optimizers`, which has
        parameters of its own, searched as ``solver__rho``. All but 'lbfgs' go by mini-batches.

        - 'sgd': gradient descent, with momentum.
        - 'adam': the method of Kingma and Ba [3]_. The step is
          ``rate * sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (sqrt(v) + epsilon)``.
        - 'adamw': Adam with a `weight_decay` of 0.004 unless another is given.
        - 'nadam': Adam with Nesterov's momentum.
        - 'rmsprop', 'adagrad', 'adadelta': steps by the gradient over the root of a mean, or of
          the sum, of its squares. The paper's rate of 'adadelta' is 1.
        - 'lion': steps by the sign of a mean of the gradient.
        - 'lbfgs': SciPy's L-BFGS-B on all samples at once; good for small data. It computes
          in float64; for a float32 net the result is rounded.

        A name takes `momentum` ('sgd' only), `beta_1`, `beta_2` and `epsilon` from here, and what
        else it needs from the defaults of its object.

    alpha : float, default=0.0001
        Strength of the penalty on weights (not on biases), see `l1_ratio`.

    batch_size : int, 'auto' or 'full', default='auto'
        Samples per step of all solvers but 'lbfgs'. 'auto' is ``min(200, n_samples)``, 'full' all
        training samples.

    learning_rate : str, Schedule, float, callable or sequence of float, default='constant'
        The learning rate over the epochs. Of the names, 'invscaling' and 'adaptive' act for
        ``solver='sgd'`` only, as in scikit-learn (with another solver a warning says so); all the
        rest works with every solver but 'lbfgs'.

        - 'constant': `learning_rate_init` throughout.
        - 'invscaling': after each epoch, ``learning_rate_init / (t_ + 1)**power_t``, where
          `t_` counts samples.
        - 'adaptive': divided by 5 whenever patience (see `n_iter_no_change`) runs out, until
          it is 1e-6 or less; then training stops.
        - 'step', 'exponential', 'polynomial', 'cosine', 'one_cycle', 'plateau', 'piecewise', or
          an object of :mod:`nnhp.schedules`, such as ``Cosine(warmup=5)``: see there. They start
          from `learning_rate_init`, and are laid out for `max_iter` epochs unless they say
          otherwise (in a search whose trainings go on from rung to rung, for its `max_resources`).
        - a number: constant, in place of `learning_rate_init`; with 'lbfgs', a warning says that it
          is ignored.
        - a function: ``f(epoch)`` or ``f(epoch, rate)``, of the epoch, counted from 0, and the rate
          before (at first `learning_rate_init`), gives the rate of the epoch. A second argument
          that has a default gets the rate only if it is called rate, lr or learning_rate. The
          function is asked for all of `max_iter` epochs before the training begins.
        - a sequence: one rate per epoch; the last one holds on if there are more epochs.

        A `fit`, a warm start too, begins it anew; `partial_fit` goes on with it.

    learning_rate_init : float, default=0.001
        Learning rate to start from; with a warm-up, to come to. Not beside one of the solver's
        own.

    power_t : float, default=0.5
        Exponent of ``learning_rate='invscaling'``.

    max_iter : int, default=200
        Greatest number of epochs (passes over the samples); with 'lbfgs', of iterations.

    shuffle : bool, default=True
        Whether the samples get a new order in each epoch.

    random_state : int, RandomState instance or None, default=None
        Source of the initial parameters, of the split for early stopping and of the orders
        of samples, drawn as scikit-learn draws them: in float64 the same seed gives the same
        run, up to rounding. Dropout draws nothing from it: its masks come from a
        hash of the generator's state.

    tol : float, default=1e-4
        An epoch counts as an improvement if the loss falls (or the validation score rises) by
        at least `tol`. With 'lbfgs', the greatest component of the gradient to stop at.

    verbose : bool or int, default=False
        Whether to print the loss of each epoch.

    warm_start : bool, default=False
        Whether `fit` goes on from the parameters of the fit before. Moments, step count and
        `n_iter_` begin again; `loss_curve_` and the patience go on. Where what patience watches
        was changed (the loss and what it depends on, as `alpha` and `dropout`, or with
        `early_stopping` what is scored), patience begins again, and with `early_stopping` the
        parameters to start from are the best so far, by their score now.

    momentum : float, default=0.9
        Momentum of ``solver='sgd'``, from 0 to 1; no other solver uses it.

    nesterovs_momentum : bool, default=True
        Whether ``solver='sgd'`` uses Nesterov's momentum.

    early_stopping : bool, default=False
        Whether to watch a score on validation samples instead of the training loss, and to
        return to the parameters of the best epoch at the end. The validation samples are
        split off X (and then never trained on) unless `fit` gets ``X_val``.
        Ignored by 'lbfgs'; refused by `partial_fit`.

    validation_fraction : float, default=0.1
        Share of the samples that `early_stopping` splits off.

    beta_1 : float, default=0.9
        Decay of the average of the gradient, in [0, 1), of 'adam', 'adamw', 'nadam' and 'lion'.
        Solvers given as objects have their own.

    beta_2 : float, default=0.999
        Decay of the average of its square, in [0, 1), of 'adam', 'adamw' and 'nadam', and of the
        average of the gradient that 'lion' keeps, whose authors took 0.99. Solvers given as objects
        have their own.

    epsilon : float, default=1e-8
        Added to the denominator of the steps of 'adam', 'adamw' and 'nadam', and under the root of
        those of 'rmsprop', 'adagrad' and 'adadelta'. Solvers given as objects have their own.

    n_iter_no_change : int or inf, default=10
        Patience: training stops after more than this many epochs in a row without an
        improvement by `tol`.

    max_fun : int, default=15000
        Greatest number of evaluations of the loss by 'lbfgs'.

    dropout : float or sequence of float, default=0.0
        Share of hidden units that are set to 0 at random in training, for all hidden layers
        or one per layer, in [0, 1). The others are divided by ``1 - dropout``, so that
        prediction needs no change [4]_. Not with 'lbfgs'.

    dropout_kind : {'standard', 'alpha'}, default='standard'
        What `dropout` and `input_dropout` put in the place of a value. 'standard': 0. 'alpha': the
        value s = -1.7581 that 'selu' tends to; then all values become ``a * x + b`` with
        ``a = ((1 - rate) * (1 + rate * s**2))**-0.5`` and ``b = -a * rate * s``, so that mean 0
        and variance 1 stay [5]_. For 'selu'.

    input_dropout : float, default=0.0
        The same for the features.

    output_activation : {'identity', 'linear', 'logistic', 'sigmoid', 'tanh', 'softplus', 'exp', \
            'exponential'} or None, default=None
        Activation of the output layer. None is the loss's own: 'exp' for 'poisson' and 'gamma',
        which need outputs that are never negative; the rising outputs of 'quantile', which takes
        nothing else; 'identity' for the others. No `y` beyond what the activation can give is ever
        met.

    l1_ratio : float, default=0.0
        The penalty is ``alpha * ((1 - l1_ratio) / 2 * sum(w**2) + l1_ratio * sum(abs(w)))``,
        divided by the number of samples in the batch (by the sum of their weights, if there
        are weights): 0 is L2, 1 is L1, between them is the elastic net. Weights come near 0
        but not exactly there: steps go along the penalty's derivative. Not with 'lbfgs'.

    weight_decay : float or None, default=None
        Share of each parameter (biases too, as in Keras), times the learning rate, that every step
        takes off before the solver's own part. It is no part of the loss, as the penalty `alpha`
        is. None is 0, for 'adamw' 0.004. Not with 'lbfgs'.

    clipnorm : float or None, default=None
        Greatest norm of the gradient (of the mean loss with its penalty) of one layer's weights,
        or of its biases, in a step; longer ones are scaled down. Not with `clipvalue`, and not
        with 'lbfgs'.

    clipvalue : float or None, default=None
        Greatest magnitude of a component of that gradient in a step. Not with `clipnorm`, and not
        with 'lbfgs'.

    ema_momentum : float or None, default=None
        If given, in [0, 1), it is the average of the parameters that is validated, published and
        predicts: after each step ``average = ema_momentum * average + (1 - ema_momentum) *
        parameters``, which begins with the parameters after the first step. Training goes on from
        the parameters themselves, in `partial_fit` and after a warm start too, unless `coefs_`,
        `intercepts_`, `norm_params_` or `activation_params_` have been edited; with
        `early_stopping` a warm start goes on from the averages. Not with 'lbfgs'.

    max_norm : float or None, default=None
        If given, the incoming weights of each unit are scaled down to at most this norm after each
        step: by ``min(norm, max_norm) / (norm + 1e-7)``, as Keras's MaxNorm. An average
        (`ema_momentum`) is, as in Keras, of the weights before that. Not with 'lbfgs'.

    kernel_initializer : str, Initializer, estimator, sequence of these and arrays, or None, \
            default=None
        Where the weights start.

        - None: what scikit-learn draws (see Notes).
        - 'glorot_uniform', 'glorot_normal', 'he_uniform', 'he_normal', 'lecun_uniform',
          'lecun_normal', 'normal', 'uniform', 'truncated_normal', 'orthogonal', 'zeros', 'ones',
          'constant', or an object of :mod:`nnhp.initializers`, such as ``RandomNormal(stddev=1)``.
        - 'auto': by the activation of each hidden layer, 'he_normal' for 'relu', 'leaky_relu',
          'prelu', 'maxout', 'elu', 'gelu', 'silu' and 'mish', 'lecun_normal' for 'selu', else
          'glorot_uniform', as for the output layer.
        - a fitted network (of nnhp or scikit-learn, alone or last in a Pipeline): a copy of the
          layers that have the shape that is needed, at least one; the others as for None. Hidden
          layers belong together counted from the first, output layers always, so a larger net
          can start from a smaller one. `clone` keeps its fit; among a search's candidates, wrap
          it in :class:`sklearn.frozen.FrozenEstimator`.
        - a sequence of these or of arrays, one for each layer, the output layer included. An array
          has the shape (inputs, outputs).

        Weights, then biases, are drawn layer by layer; what is not random draws nothing. A warm
        start goes on from the parameters that there are.

    bias_initializer : str, Initializer, estimator, sequence of these and arrays, or None, \
            default=None
        The same for the biases, where 'auto' is 'zeros' and an array has the shape (outputs,). To
        go on from all of a fitted network's layers, give it here too: its `norm_params_` and
        `activation_params_` come with the biases.

    frozen_layers : sequence of int, default=()
        Layers that training leaves as they start, counted from 0 at the first hidden layer; the
        last, or -1, is the output layer. Their weights are no part of the penalty. Normalization by
        batches goes by its moving averages there. Below the lowest layer that is trained no
        gradient is computed.

    normalization : {'batch', 'layer'} or None, default=None
        Whether the hidden layers' sums are normalized before their activation, to
        ``scale * (z - mean) / sqrt(variance + 0.001) + shift``, where scale and shift are trained
        for each unit, or each of its pieces, from 1 and 0; `alpha` does not penalize them.

        - 'batch': mean and variance of each unit over the samples of the batch [8]_. Each step
          also moves averages, which take their place in predictions, by a hundredth towards
          them (momentum 0.99). Weights of samples do not count there; a batch of a single sample
          becomes the shift and teaches only the output layer and shifts; a batch whose samples
          all weigh nothing is passed over. A step holds the activations of its whole batch;
          predictions, for which it becomes part of the weights, take no longer. Not with 'lbfgs'.
        - 'layer': mean and variance of each sample over the units of the layer [9]_.

    input_noise : float, default=0.0
        Standard deviation of Gaussian noise on the features in training, other in each step. With
        `noisy_copies`, only these have it. Sparse samples are made dense, batch by batch. Not with
        'lbfgs'.

    activation_noise : float, default=0.0
        Standard deviation of Gaussian noise on what hidden units put out in training, before
        `dropout`. Not with 'lbfgs'.

    weight_noise : float, default=0.0
        Standard deviation of Gaussian noise on the weights (not the biases), drawn anew for each
        training step: the gradient of the loss is that at the noisy weights, and the step is taken
        from the clean ones. Not with 'lbfgs'.

    noisy_copies : int, default=0
        Noisy copies of each training sample that every epoch also sees, shuffled among the samples
        (with ``shuffle=False``, after them): their features have `input_noise`, anew in each epoch,
        which the samples themselves are then spared. Targets and weights are the sample's. An
        epoch has ``(1 + noisy_copies) * n_samples`` samples: so many more batches, and so many
        count in `t_`; `n_iter_` counts epochs as ever. Not with 'lbfgs'.

    mixup_alpha : float, default=0.0
        If positive, each training sample is mixed with another of its batch, any being as likely:
        features, targets and weights become
        ``(1 - share) * own + share * other``, with `share` drawn from
        Beta(mixup_alpha, mixup_alpha) for each sample and step [6]_. Samples of weight 0 are
        neither mixed nor mixed in. Not with 'lbfgs'.

    cutmix_alpha : float, default=0.0
        If positive, each training sample takes over a share of another's features, chosen anew and
        with its values, and the same share of its target and weight. The share is drawn as for
        `mixup_alpha` and rounded, halves up, to whole features [7]_. With `mixup_alpha` too, a
        fair coin chooses one of them for each batch. Not with 'lbfgs'.

    num_layers : int or None, default=None
        Number of hidden layers, if `hidden_layer_sizes` is one size that all have; 0 is a
        linear model.

    scoring : str, callable or None, default=None
        What `early_stopping` watches: R2 if None, the negative loss if 'loss', the
        name of a scikit-learn scorer, or a callable ``scorer(estimator, X, y)``. Names other
        than 'r2' and callables are computed in Python after each epoch.

    dtype : {'auto', 'float32', 'float64'}, default='auto'
        Precision of the net. 'auto' is float32 for float32 X and float64 for anything else
        (float16 too). X is converted to it, in `predict` too.

    on_divergence : {'raise', 'restore_best'}, default='raise'
        What becomes of a training whose loss or weights are not finite after an epoch. 'raise' is
        a ValueError, but with `early_stopping` a warning, as the best weights are kept anyway.
        'restore_best' goes back to the best epoch, with a ConvergenceWarning that names where it
        diverged: all attributes are those of a fit that ended there. The best epoch has the
        highest validation score with `early_stopping`, else the lowest validation loss with
        validation data, else the lowest training loss, which is the mean over the batches before
        each one's update. With 'lbfgs' it is the iterate with the lowest loss. Where no epoch was
        finite, a warm start and `partial_fit` leave everything as it was, and others raise.
        Takes the memory of another copy of the optimizer's state.

    n_jobs : int or None, default=None
        Threads of predictions, and of a training whose layers and batches are large enough to
        share (a block of rows takes some 200 microseconds or more); trainings of nnhp's searches
        run side by side. None is 1 inside a joblib worker and otherwise, like -1, all that CPU
        affinity, cgroup quota and OpenMP's own settings allow; -2 is all but one. Has no effect
        on results.

    Attributes
    ----------
    coefs_ : list of ndarray
        Weights of each layer, of shape (inputs, outputs); with 'maxout' of shape
        (inputs, pieces * outputs). They count as they are in each later call: they may be edited
        or replaced.

    intercepts_ : list of ndarray
        Biases of each layer, of shape (outputs,), or (pieces * outputs,).

    activation_params_ : list of (ndarray or None)
        For each hidden layer the slopes of 'prelu', of shape (outputs,); None where the activation
        has nothing to train. They may be edited.

    norm_params_ : list of (dict or None)
        For each hidden layer arrays as long as its biases: 'scale' and 'shift' of the
        normalization, and for 'batch' the moving averages 'mean' and 'variance'; None without
        `normalization`. They may be edited.

    loss_ : float
        Training loss, with penalty, of the last epoch.

    loss_curve_ : list of float
        Training loss of each epoch: the mean of the losses of its batches, each before its
        step. Not with 'lbfgs'.

    learning_rate_curve_ : list of float
        Learning rate of each epoch; where it changes with each step, that of the epoch's last
        one. Not with 'lbfgs'.

    best_loss_ : float or None
        Smallest entry of `loss_curve_` since the loss was last changed; None with early stopping.
        Not with 'lbfgs'.

    validation_scores_ : list of float or None
        Score of each epoch with early stopping; after a warm start also of those before, if what
        is watched is the same. Not with 'lbfgs'.

    best_validation_score_ : float or None
        Greatest entry of `validation_scores_`, or the score that the parameters of a warm start
        began with, if that is greater. Not with 'lbfgs'.

    validation_loss_curve_ : list of float or None
        Loss on the validation samples after each epoch, without penalty; None if there
        are none. Not with 'lbfgs'.

    t_ : int
        Samples trained on so far, repetitions counted.

    n_iter_ : int
        Epochs (iterations) of the last fit.

    n_layers_ : int
        Layers, input and output included.

    n_outputs_ : int
        Outputs of the net.

    out_activation_ : str
        The engine's name of `output_activation`: 'identity', 'exp' for the losses 'poisson' and
        'gamma', 'ascending' for 'quantile' unless given.

    n_features_in_ : int
        Features of X.

    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the features; only if X had any.

    See Also
    --------
    MLPClassifier : The same for classes.

    Notes
    -----
    Initial weights and biases of a layer come from U(-b, b) with
    ``b = sqrt(6 / (inputs + outputs))`` [1]_, or ``sqrt(2 / (inputs + outputs))`` for
    'logistic'. The output layer takes the factor of the last hidden layer's activation.

    The loss is ``mean((y - p)**2) / 2`` or ``mean(abs(y - p))``, for 'poisson' the mean over
    samples of ``y * log(y / p) - y + p``, for 'gamma' of ``log(p / y) + y / p - 1``, summed over
    the outputs; those of 'huber' and 'quantile' are at `nnhp.losses`. The steps for several
    outputs follow the derivative of the loss, but for 'squared_error' that of its sum over the
    outputs, as in scikit-learn; so 'lbfgs' minimizes that sum, and stops by it.

    Predictions are made from the fitted attributes and `activation`; what else is set after a fit
    counts in the next one, but for `score`, which goes by the `loss`.

    A fit that fails leaves the fitted attributes as they were. Ctrl-C in a `fit` that was
    called directly keeps the epochs done and warns; in one that a search, a pipeline or a
    joblib worker called it raises KeyboardInterrupt. Objects may be fitted and used by
    several threads at once; calls of `partial_fit` of one object wait for each other.

    References
    ----------
    .. [1] X. Glorot and Y. Bengio. "Understanding the difficulty of training deep
       feedforward neural networks." AISTATS, 2010.
    .. [2] Y. Nesterov. "A method of solving a convex programming problem with convergence
       rate O(1/k^2)." Soviet Mathematics Doklady 27, 1983.
    .. [3] D. P. Kingma and J. Ba. "Adam: A method for stochastic optimization." ICLR, 2015.
       arXiv:1412.6980.
    .. [4] N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov.
       "Dropout: A simple way to prevent neural networks from overfitting." JMLR 15, 2014.
    .. [5] G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter. "Self-normalizing neural
       networks." NeurIPS, 2017.
    .. [6] H. Zhang, M. Cisse, Y. N. Dauphin and D. Lopez-Paz. "mixup: Beyond empirical risk
       minimization." ICLR, 2018. arXiv:1710.09412.
    .. [7] S. Yun, D. Han, S. J. Oh, S. Chun, J. Choe and Y. Yoo. "CutMix: Regularization strategy
       to train strong classifiers with localizable features." ICCV, 2019. arXiv:1905.04899.
    .. [8] S. Ioffe and C. Szegedy. "Batch normalization: Accelerating deep network training by
       reducing internal covariate shift." ICML, 2015.
    .. [9] J. L. Ba, J. R. Kiros and G. E. Hinton. "Layer normalization." 2016.
       arXiv:1607.06450.

    Examples
    --------
    >>> from nnhp import MLPRegressor
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.preprocessing import scale
    >>> X, y = make_regression(n_samples=500, n_features=5, random_state=0)
    >>> net = MLPRegressor(hidden_layer_sizes=50, max_iter=500, random_state=0)
    >>> net.fit(X, scale(y)).score(X, scale(y)) > 0.95
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = REGRESSOR_CONSTRAINTS
    _answers = {"predict": "values"}  # noqa: RUF012 - as the property that it stands for

    def __init__(
        self,
        loss: str | Huber | Quantile = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Activation | Sequence[str | Activation] = "relu",
        *,
        solver: str | Optimizer = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Schedule | float | Callable[..., float] | Sequence[float] = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: float | Sequence[float] = 0.0,
        dropout_kind: str = "standard",
        input_dropout: float = 0.0,
        output_activation: str | None = None,
        l1_ratio: float = 0.0,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        ema_momentum: float | None = None,
        max_norm: float | None = None,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        frozen_layers: Sequence[int] = (),
        normalization: str | None = None,
        input_noise: float = 0.0,
        activation_noise: float = 0.0,
        weight_noise: float = 0.0,
        noisy_copies: int = 0,
        mixup_alpha: float = 0.0,
        cutmix_alpha: float = 0.0,
        num_layers: int | None = None,
        scoring: str | Callable[..., float] | None = None,
        dtype: str = "auto",
        on_divergence: str = "raise",
        n_jobs: int | None = None,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.dropout_kind = dropout_kind
        self.input_dropout = input_dropout
        self.output_activation = output_activation
        self.l1_ratio = l1_ratio
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.ema_momentum = ema_momentum
        self.max_norm = max_norm
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer
        self.frozen_layers = frozen_layers
        self.normalization = normalization
        self.input_noise = input_noise
        self.activation_noise = activation_noise
        self.weight_noise = weight_noise
        self.noisy_copies = noisy_copies
        self.mixup_alpha = mixup_alpha
        self.cutmix_alpha = cutmix_alpha
        self.num_layers = num_layers
        self.scoring = scoring
        self.dtype = dtype
        self.on_divergence = on_divergence
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: ArrayLike | SparseMatrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | SparseMatrix | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train the net.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples. Dense arrays that are C-contiguous and of the working dtype are not copied;
            sparse ones are converted to CSR and never made dense.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; with ``loss='poisson'`` not negative, with 'gamma' positive, with 'quantile'
            of one column.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Validation samples. With ``early_stopping=True`` they are watched, and nothing is
            split off X; without, they only fill `validation_loss_curve_`. The searches of
            scikit-learn take out rows of everything that has as many rows as X: give another
            number of rows there. In a Pipeline, name X_val in its ``transform_input``.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Targets of `X_val`.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of `X_val`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data or a combination of parameters cannot be used, or if the parameters
            became non-finite: the message names the layer and the epoch, both counted from 1.
        MemoryError
            If the net needs more memory than there is; nothing has been allocated then.

        Examples
        --------
        >>> from nnhp import MLPRegressor
        >>> from sklearn.datasets import make_regression
        >>> from sklearn.preprocessing import scale
        >>> X, y = make_regression(n_samples=500, n_features=5, random_state=0)
        >>> net = MLPRegressor(hidden_layer_sizes=50, max_iter=500, random_state=0)
        >>> net = net.fit(X[::2], scale(y)[::2], X_val=X[1::2], y_val=scale(y)[1::2])
        >>> len(net.validation_loss_curve_) == net.n_iter_
        True
        """
        self._fit(Given(X, y, sample_weight, X_val, y_val, sample_weight_val))
        return self

    @available_if(has_partial_fit)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: ArrayLike | SparseMatrix,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train for one more epoch, with the optimizer's moments of the calls before.

        `coefs_` and `intercepts_` count as they are now.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; with ``loss='poisson'`` not negative, with 'gamma' positive, with 'quantile'
            of one column.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative.

        Returns
        -------
        self : object
            The estimator.

        Examples
        --------
        >>> from nnhp import MLPRegressor
        >>> from sklearn.datasets import make_regression
        >>> X, y = make_regression(n_samples=500, n_features=5, random_state=0)
        >>> net = MLPRegressor(hidden_layer_sizes=50, random_state=0)
        >>> for rows in (slice(0, 250), slice(250, 500)):
        ...     net = net.partial_fit(X[rows], y[rows])
        >>> net.t_
        500
        """
        self._fit(Given(X, y, sample_weight, incremental=True))
        return self

    def predict(self, X: ArrayLike | SparseMatrix) -> NDArray[Any]:
        """Predict the targets of samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        predictions : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the net's dtype. With ``loss='quantile'`` and several quantiles, one column for each,
            never falling from left to right.

        Examples
        --------
        >>> from nnhp import MLPRegressor
        >>> from sklearn.datasets import make_regression
        >>> from sklearn.preprocessing import scale
        >>> X, y = make_regression(n_samples=500, n_features=5, random_state=0)
        >>> net = MLPRegressor(hidden_layer_sizes=50, max_iter=500, random_state=0)
        >>> net.fit(X, scale(y)).predict(X[:2]).shape
        (2,)
        """
        return self._answer("predict", X)

    def score(
        self, X: ArrayLike | SparseMatrix, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Score the predictions: R2, or with ``loss='quantile'`` D2 of the pinball loss.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        score : float
            The greater the better, at most 1. D2 is that of
            :func:`sklearn.metrics.d2_pinball_score`, averaged over the quantiles.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If `loss` was changed after `fit` to one that does not go with the outputs.
        """
        check_is_fitted(self)
        if not _losses.can_score(self.loss, self.out_activation_, self.n_outputs_):
            raise ValueError(
                f"loss was changed after fit: loss={self.loss!r} cannot score the outputs that the "
                "net was fitted for. Set it back, or fit anew."
            )
        with naming("y and sample_weight"):
            return _scoring.score_of_numbers(self.loss, self.predict(X), y, sample_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = _losses.least_target(self.loss) is not None
        return tags
