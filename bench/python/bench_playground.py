"""How fast the playground is in a browser: frames a second, and times from a hand to the eye.

    python bench/python/bench_playground.py [--seconds 20] [--repetitions 3]

Needs Chromium and its driver. Everything is counted in the page itself: what is shown is what stood
on the page when the browser began the animation frame after the one that drew it.
"""

import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from measuring import cpu_model
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

NET = "networkShape=8,8,8,8,8,8&dataset=spiral&learningRate=0.003"
# Times at which the epoch that stands on the page had changed.
WATCH = """
const [seconds, done] = arguments;
const epoch = document.querySelector("#playground .epoch");
const times = [];
let shown = epoch.textContent;
const look = (now) => {
  if (epoch.textContent !== shown) { shown = epoch.textContent; times.push(now); }
  if (times.length && now - times[0] > 1000 * seconds) done(times);
  else requestAnimationFrame(look);
};
document.querySelector("#playground .play").click();
requestAnimationFrame(look);
"""
# Milliseconds from an act of the user's until what it changes is shown.
REACT = """
const [act, seen, done] = arguments;
const find = (selector) => document.querySelector(`#playground ${selector}`);
const picture = (canvas) =>
  canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.join();
const change = (selector, one, other) => {
  const input = find(selector);
  input.value = input.value === one ? other : one;
  input.dispatchEvent(new Event("change", { bubbles: true }));
};
const acts = {
  control: () => change("[data-option=noise] select", "10", "20"),
  step: () => find(".step").click(),
  edit: () => change(".weights input", "3", "-3"),
};
const sights = {
  epoch: () => find(".epoch").textContent,
  dots: () => picture(find(".dots")),
  map: () => picture(find(".map")),
};
const before = sights[seen]();
const began = performance.now();
acts[act]();
const look = () => {
  if (sights[seen]() === before) requestAnimationFrame(look);
  else requestAnimationFrame((now) => done(now - began));
};
requestAnimationFrame(look);
"""
REACTIONS = {  # what the figure is called: what is done, and where it is seen
    "another noise, until the samples have moved": ("control", "dots"),
    "a step, until the epoch has changed": ("step", "epoch"),
    "a weight set by hand, until the map has changed": ("edit", "map"),
}


@contextmanager
def playground() -> Iterator[str]:
    """A server of the playground; gives its address."""
    command = [
        sys.executable, "-c", "from nnhp.cli import main; main()",
        "playground", "--no-browser", "--port", "0",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            found = re.search(r"http://\S+#token=\S+", server.stdout.readline())
            assert found is not None
            yield found[0]
        finally:
            server.send_signal(signal.SIGINT)


@contextmanager
def chromium() -> Iterator[Any]:
    """Chromium without a screen, drawing by software."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "window-size=1400,1000"):
        options.add_argument(f"--{argument}")
    browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    browser.set_script_timeout(120)
    try:
        yield browser
    finally:
        browser.quit()


def opened(browser: Any, address: str) -> None:
    """Open the page of the net that is measured."""
    browser.get("about:blank")
    browser.get(f"{address}&{NET}")
    there = "return document.querySelectorAll('#playground .unit').length === 48"
    WebDriverWait(browser, 60).until(lambda _: browser.execute_script(there))


def frames(browser: Any, seconds: float) -> list[int]:
    """How many were shown in each second."""
    times = browser.execute_async_script(WATCH, seconds)
    since = [(time - times[0]) / 1000 for time in times]
    return [sum(second < at <= second + 1 for at in since) for second in range(int(seconds))]


def reactions(browser: Any, act: str, seen: str, n: int) -> list[float]:
    """Milliseconds until an act was seen."""
    if act == "edit":
        browser.execute_script("document.querySelector('#playground .unit').click()")
    return [float(browser.execute_async_script(REACT, act, seen)) for _ in range(n)]


def busy_seconds() -> tuple[float, float]:
    """CPU time until now: of this process with those that it started, and of the machine."""
    here = psutil.Process()
    times = [one.cpu_times() for one in (here, *here.children(recursive=True))]
    machine = psutil.cpu_times()
    return sum(t.user + t.system for t in times), sum(machine) - machine.idle - machine.iowait


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--repetitions", type=int, default=3)
    given = parser.parse_args()
    with playground() as address, chromium() as browser:
        about = browser.capabilities
        print(f"{cpu_model()}, {about['browserName']} {about['browserVersion']}, 6 layers of 8")
        for _ in range(given.repetitions):
            opened(browser, address)
            before = busy_seconds()
            found = sorted(frames(browser, given.seconds))
            ours, all_ = (b - a for a, b in zip(before, busy_seconds(), strict=True))
            print(
                f"frames a second: median {statistics.median(found):g}, {found[0]} to {found[-1]}; "
                f"of {os.cpu_count()} CPUs this took {ours / given.seconds:.2f}, "
                f"others {(all_ - ours) / given.seconds:.2f}"
            )
        opened(browser, address)
        for name, (act, seen) in REACTIONS.items():
            times = sorted(reactions(browser, act, seen, 40))
            middle = statistics.median(times)
            print(f"{name}: median {middle:.0f} ms, 9 of 10 within {times[35]:.0f} ms")


if __name__ == "__main__":
    main()
