"""Keras's normalizations and activations: what ``data/keras_stages.json`` holds."""

import keras
import numpy as np


def stages():
    """Trajectories through every stage that draws nothing; the last batch is of one sample."""
    rng = np.random.RandomState(2)
    n_samples, n_features, batch, epochs = 11, 3, 5, 3
    X = rng.standard_normal((n_samples, n_features))
    y = rng.randint(2, size=n_samples)
    by_batch = {"name": "batch_normalization", "epsilon": 0.02, "momentum": 0.7}
    by_layer = {"name": "layer_normalization", "epsilon": 0.03}
    prelu, gelu = {"name": "prelu"}, {"name": "gelu"}
    leaky, elu = {"name": "leaky_relu", "negative_slope": 0.35}, {"name": "elu", "alpha": 1.7}
    maxout = {"name": "maxout", "pieces": 3}
    nets = [
        {"hidden": [[4, [by_batch, gelu]], [3, [by_batch, leaky]]]},
        {"hidden": [[4, [by_layer, elu]], [3, [by_layer, prelu]]]},
        {"hidden": [[4, [maxout]], [3, [by_layer, maxout, by_batch]]]},
        {"hidden": [[4, [prelu, by_batch]], [5, [gelu, by_layer, elu]]]},
        {"hidden": [[4, [gelu]]], "input_stages": [by_batch], "output_stages": [by_batch]},
        {"hidden": [[4, [by_batch, prelu]]], "input_stages": [by_layer], "output_stages": [prelu]},
    ]
    cases = []
    for net in nets:
        model = keras.Sequential([keras.Input((n_features,))])
        rows = [[None, net.get("input_stages", [])], *net["hidden"]]
        rows.append([1, net.get("output_stages", [])])
        for units, of_layer in rows:
            if units is not None:
                model.add(keras.layers.Dense(units * _pieces(of_layer)))
            for stage in of_layer:
                for layer in _keras_layers(stage, units):
                    model.add(layer)
        for layer in model.layers:
            drawn = [rng.uniform(-0.9, 0.9, weight.shape) for weight in layer.get_weights()]
            if isinstance(layer, keras.layers.BatchNormalization):
                drawn[3] = np.abs(drawn[3])
            layer.set_weights(drawn)
        start = _as_the_engine_has_it(model)
        model.compile(
            keras.optimizers.SGD(0.3, momentum=0.7),
            keras.losses.BinaryCrossentropy(from_logits=True),
        )
        parameters = []
        for _ in range(epochs):
            for first in range(0, n_samples, batch):
                model.train_on_batch(X[first : first + batch], y[first : first + batch, None])
            parameters.append(_as_the_engine_has_it(model))
        outputs = _flat([keras.ops.sigmoid(model(X, training=False))])
        cases.append({"net": net, "start": start, "parameters": parameters, "outputs": outputs})
    return {"X": X.tolist(), "y": y.tolist(), "batch_size": batch, "cases": cases}


def _pieces(of_layer):
    return int(np.prod([stage.get("pieces", 1) for stage in of_layer]))


def _keras_layers(stage, units):
    """The layers that do what a stage of the engine does."""
    layers, own = keras.layers, {key: value for key, value in stage.items() if key != "name"}
    if stage["name"] == "maxout":  # of a row of columns p * units + j, the greatest p of each j
        return [layers.Reshape((own["pieces"], units)), layers.GlobalMaxPooling1D()]
    kinds = {
        "batch_normalization": layers.BatchNormalization,
        "layer_normalization": layers.LayerNormalization,
        "leaky_relu": layers.LeakyReLU,
        "elu": layers.ELU,
        "prelu": layers.PReLU,
    }
    if stage["name"] in kinds:
        return [kinds[stage["name"]](**own)]
    return [layers.Activation(stage["name"])]


def _as_the_engine_has_it(model):
    """Flat weights and biases, then what stages train, then moving statistics."""
    dense, trained, statistics = [], [], []
    for layer in model.layers:
        weights = layer.get_weights()
        (dense if isinstance(layer, keras.layers.Dense) else trained).extend(weights[:2])
        statistics += weights[2:]
    return _flat([*dense, *trained, *statistics])


def _flat(arrays):
    return np.concatenate([np.ravel(array) for array in arrays]).tolist()
