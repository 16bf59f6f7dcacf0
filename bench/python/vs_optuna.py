"""Optuna as a contender: candidates of its own or given ones, trained by PyTorch in eager mode."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import torch
import vs_torch
from cases import DIGITS, SPACE, Search, digits
from jobs import Job
from sklearn.model_selection import ParameterSampler, check_cv

PACKAGES = ("optuna", "torch")


class SearchRun(Job):
    """A study whose objective is the accuracy on rows held out."""

    def __init__(self, search: Search, threads: int) -> None:
        torch.set_num_threads(threads)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.search = search
        X, y = digits()
        folds = check_cv(search.cv, y, classifier=True).split(X, y)
        self.X, self.y = torch.from_numpy(X), torch.from_numpy(y)
        self.folds = [tuple(torch.from_numpy(rows) for rows in fold) for fold in folds]

    def accuracies(self, trial: optuna.Trial, learned: Any, held_out: Any) -> Iterator[float]:
        """Train on a fold; yield the last accuracy, or all of them where one may prune."""
        hidden = trial.suggest_categorical("hidden_layer_sizes", SPACE["hidden_layer_sizes"])
        batch_size = trial.suggest_categorical("batch_size", SPACE["batch_size"])
        bounds = {name: SPACE[name].support() for name in ("learning_rate_init", "alpha")}
        rate, alpha = (trial.suggest_float(name, *bounds[name], log=True) for name in bounds)
        case = replace(DIGITS, sizes=(64, *hidden, 10), batch_size=batch_size)
        training = vs_torch.Training(case)
        weights, biases = [training.parameters[start::2] for start in (0, 1)]
        groups = [{"params": weights, "weight_decay": alpha / batch_size}, {"params": biases}]
        training.optimizer = vs_torch.adam(groups, lr=rate)
        X, y = self.X[learned], self.y[learned]
        X_held, y_held = self.X[held_out], self.y[held_out]
        step = 1 if self.search.n_folds == 1 else self.search.epochs
        for _ in range(0, self.search.epochs, step):
            training.epochs(step, X, y)
            self.trained += step
            with torch.inference_mode():
                classes = vs_torch.outputs(training.parameters, X_held).argmax(dim=1)
                yield (classes == y_held).float().mean().item()

    def objective(self, trial: optuna.Trial) -> float:
        """Return the mean of the folds' last accuracies; prune where there is one split."""
        last = []
        for fold in self.folds:
            for epoch, accuracy in enumerate(self.accuracies(trial, *fold)):
                if self.search.n_folds == 1:
                    trial.report(accuracy, epoch)
                    if trial.should_prune():
                        raise optuna.TrialPruned
            last.append(accuracy)
        return float(np.mean(last))

    def run(self, _passes: int) -> None:
        if self.search.n_folds == 1:
            sampler, pruner = optuna.samplers.TPESampler(seed=0), optuna.pruners.MedianPruner()
        else:
            sampler, pruner = optuna.samplers.RandomSampler(seed=0), optuna.pruners.NopPruner()
        self.study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
        if self.search.strategy == "random":
            for candidate in ParameterSampler(SPACE, self.search.n_candidates, random_state=0):
                self.study.enqueue_trial(candidate)
        self.trained = 0
        torch.manual_seed(0)
        self.study.optimize(self.objective, n_trials=self.search.n_candidates)

    def check(self) -> list[float] | None:
        """Return the scores of the given candidates."""
        if self.search.strategy == "random":
            return [trial.value for trial in self.study.trials]
        return None

    def score(self) -> float:
        return self.study.best_value

    def effort(self) -> dict[str, int]:
        return {"candidates": len(self.study.trials), "epochs": self.trained}


JOBS = {"search": SearchRun}
