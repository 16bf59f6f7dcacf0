"""The playground in notebooks: the widget with a front end that is made up, and its messages."""

import asyncio
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("anywidget")

import nnhp
from nnhp.estimators._fitted import snapshot
from nnhp.playground import _conversation, _server, _widget
from nnhp.playground._conversation import Conversation, shades, thinned
from nnhp.playground._options import ACTIVATIONS, OPTIONS, SOLVERS
from nnhp.playground._search import METHODS


class Front:
    """What a notebook's front end would be told."""

    def __init__(self, monkeypatch, **given):
        self.page = nnhp.Playground(**given)
        self.heard = []
        monkeypatch.setattr(self.page, "send", lambda *told: self.heard.append(told))

    def say(self, message):
        self.heard.clear()
        self.page._handle_custom_msg(message, [])
        return [content["is"] for content, _ in self.heard]


def test_a_front_end_begins_with_the_options_that_were_given(monkeypatch):
    front = Front(monkeypatch, dataset="xor", networkShape="3", hidden=["discretize"])
    assert front.page.hidden == ["discretize"]
    assert "export default" in front.page._esm
    assert ".nnhp-playground" in front.page._css
    assert front.say({"do": "begin", "options": front.page.options}) == [
        "options",
        "problem",
        "frame",
    ]
    assert front.heard[0][0]["now"]["dataset"] == "xor"
    _, buffers = front.heard[-1]
    assert [len(one) for one in buffers] == [400, 400, 400, 10_000]
    assert isinstance(buffers[0], bytes)


def test_it_learns_between_the_cells_and_stops(monkeypatch):
    front = Front(monkeypatch)

    async def cells():
        front.say({"do": "play"})
        while front.heard[-1][0]["epoch"] < 4:
            await asyncio.sleep(0.01)
        front.page._handle_custom_msg({"do": "pause"}, [])
        await asyncio.wait_for(front.page._learning, 10)
        front.say({"do": "play"})
        front.page.close()
        with pytest.raises(asyncio.CancelledError):
            await front.page._learning

    asyncio.run(cells())
    assert front.page._learning.cancelled()


@pytest.mark.parametrize("wished", [{"do": "play"}, "a search"])
def test_it_rests_when_its_views_are_closed(monkeypatch, wished):
    monkeypatch.setattr(_widget, "_ASKS_EVERY", 0.05)
    front = Front(monkeypatch, noise=10)
    if wished == "a search":
        space = {"networkShape": [1, 1, 4, 8]}
        wished = {"do": "search", "method": "random", "n": 200, "epochs": 1000, "space": space}

    async def cells():
        front.say(wished)
        while len(front.heard) < 20:  # longer than without a view
            front.page._handle_custom_msg({"do": "seen"}, [])
            await asyncio.sleep(0.01)
        assert not front.page._learning.done()
        await asyncio.wait_for(front.page._learning, 60)
        assert not front.page._conversation.busy
        n_heard = len(front.heard)
        assert n_heard < 200  # so the search did not come to its end
        await asyncio.sleep(0.1)
        assert len(front.heard) == n_heard
        front.say({"do": "play"})  # a view again
        while front.heard[-1][0]["is"] != "frame":
            await asyncio.sleep(0.01)
        assert front.heard[-1][0]["playing"]
        front.page.close()

    asyncio.run(cells())


def test_another_view_of_the_same_page_tells_what_there_is(monkeypatch):
    front = Front(monkeypatch, dataset="gauss")
    front.say({"do": "begin", "options": front.page.options})
    front.say({"do": "step"})
    front.say({"do": "begin", "options": front.page.options})
    assert front.heard[-1][0]["epoch"] == 1


@pytest.mark.parametrize("given", [{"noise": 99}, {"nix": 1}, {"hidden": ["nix"]}])
def test_what_is_unknown_is_told(given):
    with pytest.raises(ValueError, match=r"noise must|unknown option 'nix'|hidden must be among"):
        nnhp.Playground(**given)


def test_without_the_extra_it_is_named():
    code = (
        "import sys\nsys.modules['anywidget'] = None\nimport nnhp\n"
        "try:\n    nnhp.Playground\nexcept ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'nnhp[playground]'" in done.stdout


# ------------------------------------------------------------------ the conversation


def said(conversation, **message):
    return list(conversation.handle(message))


def errors(messages):
    return [m.content["text"] for m in messages if m.content["is"] == "error"]


def wish(space, **more):
    return {"do": "search", "method": "random", "n": 2, "epochs": 1, "space": space} | more


WRONG = {
    "no action": ({"do": "fly"}, "do must be one of"),
    "options that are none": ({"do": "set", "options": 5}, "options must be an object"),
    "a layer that is not there": ({"do": "edit", "layer": 9}, "layer must be a number from 0 to 2"),
    "truth as a number": ({"do": "edit", "layer": True}, "layer must be a number"),
    "a weight that is none": (
        {"do": "edit", "layer": 0, "unit": 0, "source": 0, "value": "1"},
        "value must be a number",
    ),
    "a unit that is not there": ({"do": "look", "layer": 0, "unit": 4}, "unit must be a number"),
    "a file that is none": ({"do": "data", "text": 5}, "text must be the text of a file"),
    "a method that is none": ({"do": "search", "method": "luck"}, "method must be one of"),
    "too many candidates": (
        {"do": "search", "method": "random", "n": 10**6, "epochs": 1},
        "n must be a number from 1 to 200",
    ),
    "an empty space": (
        {"do": "search", "method": "random", "n": 2, "epochs": 1, "space": {}},
        "space must name",
    ),
    "a space of what is not searched": (wish({"seed": ["1"]}), "space can have"),
    "bounds the wrong way": (
        wish({"learningRate": [0.5, 0.1]}),
        "space of learningRate must be a lower and an upper bound",
    ),
    "three bounds": (wish({"networkShape": [1, 2, 3]}), "space of networkShape must be bounds"),
    "too many units": (wish({"networkShape": [1, 2, 3, 65]}), "space of networkShape must be"),
    "more dropout than there is": (wish({"dropout": [0.1, 0.95]}), "space of dropout: must be"),
    "a part of a batch": (wish({"batchSize": [1, 2.5]}), "space of batchSize: must be a whole"),
    "rates of no penalty": (
        wish({"regularizationRate": [0.1]}),
        "regularization must be L1 or L2 where regularizationRate is searched",
    ),
    "no activation": (wish({"activation": ["relu,tanh"]}), "space of activation must be among"),
    "a grid without end": (
        wish({"activation": list(ACTIVATIONS), "solver": list(SOLVERS)}, method="grid", n=200)
        | {
            "space": {
                "activation": list(ACTIVATIONS),
                "solver": list(SOLVERS),
                "learningRate": [0.1, 1.0],
                "networkShape": [1, 2, 2, 8],
            }
        },
        "the grid must have at most 200 candidates",
    ),
    "Hyperband without end": (
        wish({"learningRate": [0.1, 1.0]}, method="hyperband", epochs=1000),
        "Hyperband with epochs=1000 has 1114 candidates",
    ),
    "epochs that are none": ({"do": "load", "options": {}, "epochs": -1}, "epochs must be"),
}


@pytest.mark.parametrize(("message", "text"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_done_is_told_and_changes_nothing(message, text):
    conversation = Conversation()
    before = said(conversation, do="pause")[0]
    (error,) = errors(said(conversation, **message))
    assert error.startswith(text)
    after = said(conversation, do="pause")[0]
    assert after.content == before.content
    for one, other in zip(after.pictures, before.pictures, strict=True):
        np.testing.assert_array_equal(one, other)


def test_nets_and_data_that_take_too_long_are_refused():
    rows = "a,b,c\n" + "".join(f"{i},{-i},{i % 2}\n" for i in range(20_000))
    conversation = Conversation()
    said(conversation, do="data", text=rows)
    said(conversation, do="set", options={"dataset": "own"})
    (error,) = errors(said(conversation, **wish({"networkShape": [1, 10, 2, 64]})))
    assert "choose fewer units or rows" in error
    layers = ",".join(["64"] * 10)
    (error,) = errors(
        said(conversation, do="set", options={"dataset": "own", "networkShape": layers})
    )
    assert "choose fewer units or rows" in error


PAGES = {
    "as it is": {},
    "another optimizer, and a penalty": {
        "solver": "adam", "regularization": "L2", "regularizationRate": 0.01, "dropout": 0.1,
    },
    "targets": {"problem": "regression"},
}  # fmt: skip
MORE_RANGES = {
    "of chance": ({}, {"dropout": [0.0, 0.3], "momentum": [0.5, 0.9], "batchSize": [1, 30]}),
    "of a penalty": (
        {"regularization": "L1", "batchSize": 7},
        {"regularizationRate": [0.001, 0.003, 0.01], "dropout": [0.2, 0.2]},
    ),
}


@pytest.mark.parametrize(("options", "space"), MORE_RANGES.values(), ids=MORE_RANGES.keys())
@pytest.mark.parametrize("method", METHODS)
def test_what_is_searched_lies_in_its_ranges_and_is_the_same_net_when_loaded(
    options, space, method
):
    conversation = Conversation()
    said(conversation, do="set", options=options)
    said(conversation, do="search", method=method, n=4, epochs=3, space=space)
    found = []
    while conversation.busy:
        found += list(conversation.tick())
    assert errors(found) == []
    candidates = [m for m in found if m.content["is"] == "candidate"]
    for candidate in candidates:
        setting = candidate.content["setting"]
        assert set(setting) == set(space)
        for name, value in setting.items():
            assert min(space[name]) <= value <= max(space[name])
            assert name != "regularizationRate" or value in space[name]
    shown = candidates[-1]
    said(conversation, do="load", **{k: shown.content[k] for k in ("options", "epochs")})
    grid = conversation._problem.grid(shown.content["side"])
    outputs = conversation._learner.output(grid, -1)
    np.testing.assert_array_equal(shades(outputs[:, 0]), shown.pictures[0])


@pytest.mark.parametrize("options", PAGES.values(), ids=PAGES.keys())
def test_a_candidate_that_is_loaded_is_the_net_that_was_shown(options):
    conversation = Conversation()
    said(conversation, do="set", options=options)
    space = {
        "learningRate": [0.01, 0.3], "networkShape": [1, 2, 2, 6], "activation": ["relu"],
        "solver": ["sgd", "adam"],
    }  # fmt: skip
    said(conversation, do="search", method="hyperband", n=4, epochs=9, space=space)
    said(conversation, do="set", options={"dataset": "xor", "noise": 10})  # of the candidates not
    found = []
    while conversation.busy:
        found += [m for m in conversation.tick() if m.content["is"] == "candidate"]
    assert {m.content["epochs"] for m in found} == {1, 3, 9}
    shown = max(found, key=lambda m: (m.content["epochs"], m.content["score"]))
    said(conversation, do="load", **{k: shown.content[k] for k in ("options", "epochs")})
    problem = conversation._problem
    outputs = conversation._learner.outputs(problem.grid(shown.content["side"]))[-1]
    np.testing.assert_array_equal(shades(outputs[:, 0]), shown.pictures[0])
    learner = conversation._learner
    net = snapshot(learner._net, learner._training.publish())
    assert net.score(*problem.test) == shown.content["score"]
    assert conversation._options["noise"] == 0


def test_what_a_search_would_do_otherwise_than_the_page_is_refused():
    for options, text in {
        "earlyStopping": ({"earlyStopping": True}, "earlyStopping is not for searches"),
        "activation": ({"activation": "relu,tanh"}, "activation must be one name"),
        "batchSize": ({"regularization": "L2"}, "regularization must be none where batchSize"),
    }.values():
        conversation = Conversation()
        said(conversation, do="set", options=options)
        space = {"networkShape": [1, 2, 2, 4], "batchSize": [5, 20]}
        (error,) = errors(said(conversation, **wish(space)))
        assert error.startswith(text)


def test_grids_over_few_shapes_are_as_small_as_these():
    conversation = Conversation()
    said(conversation, **wish({"networkShape": [2, 2, 4, 4]}, method="grid", n=16))
    found = []
    while conversation.busy:
        found += list(conversation.tick())
    assert errors(found) == []
    assert [m.content["setting"] for m in found if m.content["is"] == "candidate"] == [
        {"networkShape": "4,4"}
    ]


@pytest.mark.parametrize("score", [-math.inf, math.nan])
def test_a_score_that_is_not_finite_is_sent_as_the_worst(monkeypatch, score):
    monkeypatch.setattr(nnhp.MLPClassifier, "score", lambda *_: score)
    conversation = Conversation()
    said(conversation, **wish({"learningRate": [0.1, 0.2]}))
    found = []
    while conversation.busy:
        found += list(conversation.tick())
    assert {"candidate", "search"} == {message.content["is"] for message in found}
    for message in found:
        assert _server.packed(message)
        assert message.content.get("score", -math.inf) < -1e300


def test_another_table_target_or_plane_begins_anew():
    conversation = Conversation()
    rows = "".join(f"{i},{-i},{i % 2},{i % 3}\n" for i in range(20))
    said(conversation, do="data", text="a,b,c,t\n" + rows)
    said(conversation, do="set", options={"dataset": "own"})
    assert conversation._problem.classes == ["0", "1", "2"]
    told = said(conversation, do="data", text="a,b,c,t\n" + rows, target="c")
    assert [m.content["is"] for m in told] == ["table", "problem", "frame"]
    assert conversation._problem.classes == ["0", "1"]
    (error,) = errors(said(conversation, do="data", text="a,b,c\n" + "1,2,3\n" * 20))
    assert "2 to 10 different values" in error
    assert conversation._problem.inputs == ["a", "b", "t"]


def test_an_address_of_data_that_are_gone_begins_with_others():
    conversation = Conversation()
    told = said(conversation, do="begin", options={"dataset": "own", "noise": "5"})
    assert [m.content["is"] for m in told] == ["options", "problem", "frame", "error"]
    assert told[0].content["now"]["dataset"] == "circle"
    assert "no data of your own" in told[-1].content["text"]


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "layer",
                "unit",
                "source",
                "value",
                "options",
                "text",
                "target",
                "axes",
                "name",
                "method",
                "n",
                "epochs",
                "space",
            ]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from([*OPTIONS, "x" * 9]), inner, max_size=2)
            ),
            max_leaves=5,
        ),
    ),
    st.sampled_from(sorted(set(Conversation._ACTIONS) - {"search", "load"})),
)
@settings(max_examples=200, deadline=None)
def test_whatever_is_asked_is_answered(message, action):  # fmt: skip
    for answer in Conversation().handle(message | {"do": action}):
        assert _server.packed(answer)


def test_a_search_at_a_time():
    conversation = Conversation()
    wished = wish({"learningRate": [0.1, 0.5]})
    said(conversation, **wished)
    assert "under way" in errors(said(conversation, **wished))[0]
    while conversation.busy:
        list(conversation.tick())
    assert errors(said(conversation, **wished)) == []
    conversation.leave()
    conversation.end()


def test_the_code_says_when_something_was_changed_by_hand():
    conversation = Conversation()
    assert not said(conversation, do="code")[0].content["edited"]
    said(conversation, do="step")
    said(conversation, do="set", options={"learningRate": 0.1})
    assert said(conversation, do="code")[0].content["edited"]
    said(conversation, do="reset")
    said(conversation, do="edit", layer=0, unit=0, source=None, value=1)
    assert said(conversation, do="code")[0].content["edited"]


def test_it_stops_at_its_last_epoch():
    conversation = Conversation()
    said(conversation, do="set", options={"maxEpochs": 3, "epochsAFrame": 100})
    said(conversation, do="play")
    frames = list(conversation.tick())
    assert frames[-1].content["epoch"] == 3
    assert not conversation.busy


def test_shades_are_bytes_and_255_is_no_number():
    values = np.array([-5, -1, 0, 0.5, 1, 5, np.nan, np.inf])
    assert shades(values).tolist() == [0, 0, 127, 190, 254, 254, 255, 254]


def test_long_curves_are_thinned_to_their_end():
    curve = [float(i) for i in range(10_000)]
    found = thinned(curve)
    assert len(found) == _conversation._LONGEST_CURVE
    assert found[0] == (1, 0.0)
    assert found[-1] == (10_000, 9999.0)
    assert thinned([float("nan")]) == [(1, None)]
