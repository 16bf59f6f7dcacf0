"""Trainings that are killed at random moments, and go on from the file that they last saved.

Searches and their studies are killed in test_search_contract.py and test_study.py.
"""

import json

import pytest
from helpers import run_child

# Children are forked: they need not import anything, and live for milliseconds.
PROGRAM = """
import json, os, signal, sys, tempfile, time, warnings
from pathlib import Path
import numpy as np
import nnhp
from nnhp.callbacks import ModelCheckpoint
from nnhp.layers import BatchNormalization, Dense, Input

warnings.simplefilter("ignore")
rng = np.random.RandomState(0)
X = rng.standard_normal((300, 6))
y = X[:, 0] * X[:, 1]
N_EPOCHS = 12

def partial_fits(folder):
    # A file that is written anew after each epoch.
    path = folder / "net.nnhp"
    net = nnhp.MLPRegressor(hidden_layer_sizes=(12, 6), dropout=0.2, random_state=0)
    if path.exists():
        net = nnhp.load(path)
    while len(getattr(net, "loss_curve_", [])) < N_EPOCHS:
        net.partial_fit(X, y).save(path)
    return [net.coefs_[0].tobytes(), net.predict(X).tobytes()]

def model_checkpoint(folder):
    # A file for each epoch, the last one that is complete counts. Such a file has no generator.
    layers = [Input((6,)), Dense(12, "relu"), BatchNormalization(), Dense(1)]
    model = nnhp.Sequential(layers, random_state=0)
    saved = sorted(folder.glob("*.nnhp"))
    if saved:
        model = nnhp.load_model(saved[-1])
    else:
        model.compile("adam", "mse")
    save = ModelCheckpoint(folder / "{{epoch:03d}}.nnhp")
    done = int(saved[-1].stem) if saved else 0
    model.fit(X, y, shuffle=False, epochs=N_EPOCHS, initial_epoch=done, verbose=0, callbacks=[save])
    return [w.tobytes() for w in model.get_weights()]

def in_child(train, folder, expected):
    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            code = 0 if train(folder) == expected else 1
        except BaseException as error:
            print(repr(error), file=sys.stderr)
        finally:
            os._exit(code)
    return pid

n_killed = {{}}
for train in (partial_fits, model_checkpoint):
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        expected = train(Path(folder))
        whole = time.monotonic() - began
        assert train(Path(folder)) == expected  # whose last file has it all
    done = finished = 0
    while done < {n}:
        with tempfile.TemporaryDirectory() as folder:
            code = -signal.SIGKILL
            while code:
                pid = in_child(train, Path(folder), expected)
                if done < {n}:
                    time.sleep(rng.uniform(0.0, 0.8 * whole))
                    os.kill(pid, signal.SIGKILL)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                assert code in (0, -signal.SIGKILL), code
                done += code != 0
            finished += 1
    n_killed[train.__name__] = [done, finished]
print(json.dumps(n_killed))
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_training_goes_on_from_its_last_file(long_form, count):
    n = 40 if long_form else 6
    for done, finished in json.loads(run_child(PROGRAM.format(n=n), timeout=1500)).values():
        assert done >= n
        assert finished >= 1
        count("kills", done)
