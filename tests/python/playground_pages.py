"""The playground in Chromium: what its tests share."""

import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import axe_core_python
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

DRIVER, BROWSER = shutil.which("chromedriver"), shutil.which("chromium")
IN_CHROMIUM = [
    pytest.mark.slow,
    pytest.mark.skipif(DRIVER is None or BROWSER is None, reason="Chromium and its driver"),
]
AXE = next(Path(axe_core_python.__file__).parent.rglob("axe.min.js"))
START = "from nnhp.cli import main; main()"


@contextmanager
def playground():
    """The address that `nnhp playground` prints, and its process."""
    command = [sys.executable, "-c", START, "playground", "--no-browser", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            yield re.search(r"http://\S+#token=\S+", server.stdout.readline())[0], server
        finally:
            server.send_signal(signal.SIGINT)
        assert "Traceback" not in server.communicate(timeout=20)[1]


@contextmanager
def chromium():
    """A browser without a screen."""
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--window-size=1400,1000",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(60)
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """The page, and what there is on it."""

    def __init__(self, browser, address, state=""):
        self.browser = browser
        browser.get("about:blank")
        browser.get_log("browser")
        browser.get(address + state)
        self.wait(lambda: self.all(".top select"))

    def wait(self, condition, seconds=30):
        return WebDriverWait(self.browser, seconds, 0.05).until(lambda _: condition())

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, f"#playground {selector}")

    def one(self, selector):
        return self.all(selector)[0]

    def state(self):
        return self.browser.execute_script(
            "return Object.fromEntries(new URLSearchParams(location.hash.slice(1)))"
        )

    @property
    def epoch(self):
        return int(self.one(".epoch").text)

    @property
    def losses(self):
        return [float(text) for text in re.findall(r"\d+\.\d+", self.one(".losses").text)]

    def map(self):
        return self.browser.execute_script(
            "return document.querySelector('#playground .map').toDataURL()"
        )

    def choose(self, name, value):
        control = self.one(f"[data-option={name}] select, [data-option={name}] input")
        if control.tag_name == "select":
            Select(control).select_by_value(value)
        elif control.get_attribute("type") == "checkbox":
            control.click()
        else:
            control.send_keys(Keys.CONTROL, "a")
            control.send_keys(value, Keys.TAB)
        self.wait(lambda: self.state()[name] == str(value))

    def run_to(self, epoch):
        self.one(".play").click()
        self.wait(lambda: self.epoch >= epoch, 60)
        self.one(".play").click()
        self.wait(lambda: self.one(".play").get_attribute("aria-label") == "Run")

    def complaints(self):
        return [entry for entry in self.browser.get_log("browser") if entry["level"] != "INFO"]

    def violations(self):
        self.browser.execute_script(AXE.read_text())
        found = self.browser.execute_async_script(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'best-practice']})"
            ".then(arguments[arguments.length - 1])"
        )
        return [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]]
