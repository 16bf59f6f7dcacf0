"""The playground in a real browser, from `nnhp playground` on."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from sklearn.datasets import load_iris

pytest.importorskip("selenium")

from playground_pages import IN_CHROMIUM, Page, chromium, playground
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from nnhp.playground._options import PARTS_OF_THE_PAGE

pytestmark = IN_CHROMIUM


@pytest.fixture(scope="module")
def address():
    with playground() as (address, _):
        yield address


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser, address):
    def page(state=""):
        made.append(Page(browser, address, state))
        return made[-1]

    made = []
    yield page
    assert made[-1].complaints() == []


def test_the_token_leaves_the_address(page):
    opened = page("&dataset=xor")
    opened.wait(lambda: opened.state().get("dataset") == "xor")
    assert "token" not in opened.browser.current_url


def test_the_address_restores_all_state(page, browser, address):
    first = page("&dataset=gauss&noise=25&networkShape=3,2&xSquared=true&learningRate=0.1&seed=abc")
    state = first.wait(lambda: first.state() if "solver" in first.state() else None)
    weights = first.wait(lambda: [one.get_attribute("stroke") for one in first.all(".link")])
    again = Page(browser, address, "&" + browser.current_url.partition("#")[2])
    again.wait(lambda: again.state() == state)
    again.wait(lambda: [one.get_attribute("stroke") for one in again.all(".link")] == weights)
    assert len(weights) == 3 * 3 + 3 * 2 + 2


def test_spiral_is_learned(page, tmp_path):
    begin = time.monotonic()
    opened = page(
        "&dataset=spiral&networkShape=8,8&activation=relu&xSquared=true&ySquared=true"
        "&sinX=true&sinY=true&epochsAFrame=10"
    )
    opened.run_to(500)
    test, train = opened.losses
    assert test < 0.1
    assert train < 0.1
    print(f"learned {time.monotonic() - begin:.0f} s after the page was asked for")
    folder = Path(os.environ.get("NNHP_ARTEFACTS", tmp_path))
    assert opened.browser.save_screenshot(str(folder / "playground-spiral.png"))


# A control, the address that it stands in, and its other value.
CONTROLS = [
    ("learningRate", "", "0.1"),
    ("activation", "", "relu"),
    ("regularization", "&regularizationRate=0.1", "L2"),
    ("regularizationRate", "&regularization=L1", "0.1"),
    ("dataset", "", "xor"),
    ("regDataset", "&problem=regression", "reg-gauss"),
    ("percTrainData", "", "70"),
    ("noise", "", "20"),
    ("batchSize", "", "30"),
    ("seed", "", "another"),
    ("problem", "", "regression"),
    ("engine", "", "original"),
    ("solver", "", "adam"),
    ("momentum", "", "0.9"),
    ("schedule", "&scheduleEpochs=4", "step"),
    ("scheduleEpochs", "&schedule=cosine", "100"),
    ("dropout", "", "0.2"),
    ("initializer", "", "he_normal"),
    ("initZero", "", "true"),
    ("loss", "", "hinge"),
    ("regLoss", "&problem=regression", "absolute_error"),
    ("maxEpochs", "", "2"),
]


@pytest.mark.parametrize(("name", "state", "value"), CONTROLS, ids=[one[0] for one in CONTROLS])
def test_each_control_changes_what_is_learned(page, name, state, value):
    maps = []
    for change in (False, True):
        opened = page("&noise=5" + state)
        opened.one(".more details summary").click()
        opened.wait(lambda opened=opened: opened.all(".unit"))
        if change:
            opened.choose(name, value)
        for epoch in range(1, 1 + (2 if change and name == "maxEpochs" else 4)):
            opened.one(".step").click()
            opened.wait(lambda opened=opened, epoch=epoch: opened.epoch == epoch)
        assert opened.one(".message").text == ""
        maps.append(opened.map())
    assert maps[0] != maps[1]


def test_the_learning_rate_alone_does_not_begin_anew(page):
    opened = page()
    opened.wait(lambda: opened.all(".unit"))
    opened.one(".step").click()
    opened.wait(lambda: opened.epoch == 1)
    opened.choose("learningRate", "0.1")
    opened.one(".step").click()
    opened.wait(lambda: opened.epoch == 2)
    opened.choose("noise", "10")
    opened.wait(lambda: opened.epoch == 0)


def test_what_is_refused_is_told_and_not_shown(page):
    opened = page("&solver=adam")
    opened.one(".more details summary").click()
    Select(opened.one("[data-option=engine] select")).select_by_value("original")
    opened.wait(lambda: "solver is not of the original page" in opened.one(".message").text)
    assert opened.one("[data-option=engine] select").get_attribute("value") == "nnhp"


def test_more_classes_and_other_names_are_drawn(page, tmp_path):
    opened = page("&networkShape=4")
    path = tmp_path / "three.csv"
    path.write_text("a,b,t\n" + "".join(f"{i},{i * i % 7},{i % 3}\n" for i in range(30)))
    opened.wait(lambda: len(opened.all(".link")) == 2 * 4 + 4)
    opened.one(".data details summary").click()
    opened.one(".data input[type=file]").send_keys(str(path))
    opened.wait(lambda: len(opened.all(".link")) == 2 * 4 + 4 * 3)
    assert [one.text for one in opened.all(".input")] == ["a", "b"]


def test_features_layers_and_units(page):
    opened = page()
    opened.wait(lambda: len(opened.all(".unit")) == 6)
    opened.one(".features input:not(:checked)").click()
    opened.wait(lambda: len(opened.all(".input")) == 3)
    opened.one(".count .more").click()
    opened.wait(lambda: len(opened.all(".unit")) == 8)
    opened.all(".layer button")[0].click()
    opened.wait(lambda: len(opened.all(".unit")) == 7)
    for left in (2, 1, 0):
        opened.one(".count .fewer").click()
        opened.wait(lambda left=left: opened.one(".count output").text.startswith(str(left)))
    opened.wait(lambda: opened.all(".unit") == [])


def test_an_edited_weight_moves_the_map(page):
    opened = page()
    unit = opened.wait(lambda: opened.all(".unit"))[0]
    before = opened.map()
    unit.click()
    entry = opened.wait(lambda: opened.all(".weights input"))[0]
    entry.send_keys(Keys.CONTROL, "a")
    opened.wait(lambda: opened.map() == before)  # the unit is not pointed at any more
    entry.send_keys("4.5", Keys.TAB)
    opened.wait(lambda: opened.map() != before)
    link = opened.all(".link")[0]
    opened.browser.execute_script(
        "arguments[0].dispatchEvent(new MouseEvent('mouseover', {bubbles: true}))", link
    )
    assert link.get_attribute("textContent") == "Weight 4.5"


def test_a_unit_is_shown_large_while_it_is_pointed_at(page):
    opened = page()
    unit = opened.wait(lambda: opened.all(".unit"))[0]
    before = opened.map()
    opened.browser.execute_script("arguments[0].focus()", unit)
    opened.wait(lambda: opened.map() != before)
    opened.browser.execute_script("arguments[0].blur()", unit)
    opened.wait(lambda: opened.map() == before)


def test_test_data_and_discrete_outputs(page):
    opened = page()
    script = "return document.querySelector('#playground .dots').toDataURL()"
    dots = opened.browser.execute_script(script)
    before = opened.wait(opened.map)
    opened.one("[data-option=showTestData] input").click()
    opened.wait(lambda: opened.browser.execute_script(script) != dots)
    opened.one("[data-option=discretize] input").click()
    opened.wait(lambda: opened.map() != before)


def test_own_data(page, tmp_path):
    path = tmp_path / "<img src=x onerror=alert(1)>.csv"
    load_iris(as_frame=True).frame.to_csv(path, index=False)
    opened = page()
    opened.one(".data details summary").click()
    opened.one(".data input[type=file]").send_keys(str(path))
    opened.wait(lambda: len(opened.all(".input")) == 4)
    opened.run_to(3)
    opened.one(".show-code").click()
    code = opened.wait(lambda: opened.one(".code").text)
    assert repr(path.name) in code
    assert opened.all("img") == []


def test_the_code_is_a_program(page):
    opened = page("&networkShape=3")
    opened.run_to(4)
    opened.one(".show-code").click()
    code = opened.wait(lambda: opened.one(".code").text)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    train, test = re.findall(r"loss ([\d.]+)", done.stdout)
    assert [round(float(test), 3), round(float(train), 3)] == opened.losses


def test_a_search_comes_to_its_leaderboard_and_a_candidate_is_loaded(page):
    opened = page("&dataset=xor")
    opened.one(".search-panel summary").click()
    opened.one(".search").click()
    opened.wait(lambda: len(opened.all(".board li")) == 16, 60)
    opened.wait(lambda: opened.one(".search").text == "Search")
    scores = [float(one.text.split()[0]) for one in opened.all(".board li")]
    assert scores == sorted(scores, reverse=True)
    assert len(opened.all(".lines polyline")) == 16
    best = opened.one(".board button")
    epochs = int(re.search(r"after (\d+) epochs", best.text)[1])
    layers = re.search(r"Layers ([\d,]+)", best.text)[1]
    best.click()
    opened.wait(lambda: opened.epoch == epochs)
    assert opened.state()["networkShape"] == layers


def test_the_keyboard_is_enough(page):
    opened = page()
    body = opened.browser.switch_to.active_element
    for _ in range(40):
        body.send_keys(Keys.TAB)
        body = opened.browser.switch_to.active_element
        if body.get_attribute("class") == "step":
            break
    body.send_keys(Keys.ENTER)
    opened.wait(lambda: opened.epoch == 1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_violation_of_accessibility(page, scheme):
    opened = page("&networkShape=2")
    opened.browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    for summary in opened.all("summary"):
        summary.click()
    opened.all(".unit")[0].click()
    opened.one(".show-code").click()
    opened.wait(lambda: opened.one(".code").text)
    assert opened.violations() == []
    opened.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_phone_s_width_is_enough(page):
    opened = page("&networkShape=8,8")
    opened.browser.set_window_size(400, 900)
    try:
        opened.wait(lambda: opened.all(".unit"))
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert opened.browser.execute_script(wide) <= 0
    finally:
        opened.browser.set_window_size(1400, 1000)


# Part of the page, and where it is.
PARTS = {
    "playButton": ".play",
    "stepButton": ".step",
    "resetButton": ".reset",
    "numHiddenLayers": ".count, .layer div",
    "activation": "[data-option=activation], .layer select",
} | {
    name: f"[data-option={name}]"
    for name in (
        "showTestData", "discretize", "learningRate", "regularization", "regularizationRate",
        "problem", "dataset", "percTrainData", "noise", "batchSize",
    )
}  # fmt: skip


def test_parts_can_be_left_out(page):
    assert set(PARTS) == set(PARTS_OF_THE_PAGE)
    opened = page()
    opened.wait(lambda: opened.all(".layer"))
    for where in PARTS.values():
        assert all(one.is_displayed() for one in opened.all(where))
    opened = page("".join(f"&{name}_hide=true" for name in PARTS))
    opened.wait(lambda: opened.all(".layer"))
    for where in PARTS.values():
        assert opened.all(where)
        assert not any(one.is_displayed() for one in opened.all(where))
    assert opened.one(".regenerate").is_displayed()
    opened.wait(lambda: opened.state().get("noise_hide") == "true")


def test_texts_are_left_out_or_the_tutorial_stands_below(page):
    opened = page("&hideText=true&tutorial=dp&dataset=xor")
    texts = "return [document.querySelector('header').checkVisibility(), document.body.innerText]"
    shown, text = opened.browser.execute_script(texts)
    assert not shown
    assert "Four things to try" not in text
    opened.wait(lambda: opened.state().get("dataset") == "xor")
    assert (opened.state()["hideText"], opened.state()["tutorial"]) == ("true", "dp")
    opened = page("&tutorial=dp")
    shown, text = opened.browser.execute_script(texts)
    assert shown
    assert "Four things to try" in text
    assert opened.violations() == []


def test_each_layer_has_its_activation(page):
    opened = page()
    selects = opened.wait(lambda: opened.all(".layer select"))
    Select(selects[1]).select_by_value("relu")
    opened.wait(lambda: opened.state()["activation"] == "tanh,relu")
    opened.one(".step").click()
    opened.wait(lambda: opened.epoch == 1)
    opened.one(".count .more").click()
    opened.wait(lambda: opened.state()["activation"] == "tanh,relu,relu")
    opened.wait(lambda: len(opened.all(".layer select")) == 3)
    Select(opened.all(".layer select")[0]).select_by_value("relu")
    opened.wait(lambda: opened.state()["activation"] == "relu")


def test_the_weights_into_the_output_are_set_by_the_keyboard(page):
    opened = page()
    opened.wait(lambda: opened.all(".answer"))[0].send_keys(Keys.ENTER)
    entries = opened.wait(lambda: opened.all(".weights input"))
    assert len(entries) == 2 + 1
    before = opened.map()
    entries[-1].send_keys(Keys.CONTROL, "a")
    entries[-1].send_keys("3", Keys.TAB)
    opened.wait(lambda: opened.map() != before)


def test_what_is_searched_is_what_was_chosen(page):
    opened = page("&regularization=L2")
    opened.one(".search-panel summary").click()
    wishes = opened.all(".search-panel .control")
    labels = [one.text.split("\n")[0] for one in wishes]

    def wish(label):
        return wishes[labels.index(label)].find_element(By.CSS_SELECTOR, "input, select")

    bounds = {"Dropout from": "0", "Dropout to": "0.3", "Momentum from": "0.5"}
    bounds |= {"Momentum to": "0.9", "Learning rate from": "", "Candidates": "4"}
    for label, text in bounds.items():
        wish(label).send_keys(Keys.CONTROL, "a")
        wish(label).send_keys(text or Keys.DELETE)
    rates = Select(wish("Regularization rate"))
    rates.select_by_value("0.01")
    rates.select_by_value("0.1")
    opened.one(".search").click()
    opened.wait(lambda: len(opened.all(".board li")) == 4, 60)
    opened.wait(lambda: opened.one(".search").text == "Search")
    settings = [one.text.split(" · ")[1:] for one in opened.all(".board li")]
    for one in settings:
        values = dict(part.rsplit(" ", 1) for part in one)
        assert set(values) == {"Layers", "Dropout", "Momentum", "Regularization rate"}
        assert 0 <= float(values["Dropout"]) <= 0.3
        assert values["Regularization rate"] in {"0.01", "0.1"}


@pytest.mark.timeout(900)
def test_memory_is_steady(browser, long_form):
    seconds = 600 if long_form else 10
    with playground() as (address, server):
        opened = Page(browser, address, "&dataset=spiral&networkShape=8,8,8,8,8,8")
        opened.wait(lambda: len(opened.all(".unit")) == 48)
        opened.one(".play").click()
        opened.wait(lambda: opened.epoch > 100)
        begin = opened.epoch
        browser.execute_cdp_cmd("HeapProfiler.enable", {})
        found = []
        for _ in range(11):
            browser.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
            heap = browser.execute_cdp_cmd("Runtime.getHeapUsage", {})["usedSize"]
            found.append((psutil.Process(server.pid).memory_info().rss / 2**20, heap / 2**20))
            time.sleep(seconds / 10)
        assert opened.epoch > begin
        print(f"{opened.epoch} epochs in {seconds} s; MB of the server, and of the page: {found}")
    (first_server, first_page), (last_server, last_page) = found[1], found[-1]
    assert last_server - first_server < 5
    assert last_page - first_page < 2


def test_a_page_without_the_token_says_what_to_do(browser, address):
    browser.delete_all_cookies()
    browser.get(address.partition("#")[0])
    status = browser.find_element(By.ID, "status")
    WebDriverWait(browser, 20).until(lambda _: "nnhp playground" in status.text)
    browser.get_log("browser")


def test_values_of_the_address_that_are_none_are_told(page):
    opened = page("&noise=many&learningRate=0.1&%3Cimg%3E=1")
    opened.wait(lambda: "noise must be" in opened.one(".message").text)
    assert "<img>" in opened.one(".message").text
    assert opened.state()["learningRate"] == "0.1"
    time.sleep(0.1)
