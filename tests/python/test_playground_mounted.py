"""The playground's module where others mount it: by anywidget's contract, and in JupyterLab."""

import asyncio
import base64
import contextlib
import json
import queue
import secrets
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files

import pytest

pytest.importorskip("selenium")
pytest.importorskip("anywidget")

from playground_pages import IN_CHROMIUM, Page, chromium
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

import nnhp
from nnhp.playground import _widget

pytestmark = IN_CHROMIUM

# The model of a widget as anywidget gives it to a module, with requests in place of a kernel.
NOTEBOOK = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>A notebook</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="playground.css">
<div id="playground"></div>
<script type="module">
import module from "./playground.js";
const values = VALUES;
const saved = [];
const listeners = new Set();
const model = {
  get: (name) => values[name],
  set: (name, value) => { values[name] = value; },
  save_changes: () => saved.push(structuredClone(values)),
  on: (event, listener) => { if (event === "msg:custom") listeners.add(listener); },
  off: (event, listener) => { if (event === "msg:custom") listeners.delete(listener); },
  send: (content) => fetch("say", { method: "POST", body: JSON.stringify(content) }),
};
const bytes = (text) =>
  new DataView(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer);
async function hear() {
  const told = await (await fetch("hear", { method: "POST" })).json();
  for (const [content, buffers] of told)
    for (const listener of listeners) listener(content, buffers.map(bytes));
  setTimeout(hear, 10);
}
const leave = module.render({ model, el: document.getElementById("playground") });
window.notebook = { saved, listeners, leave };
hear();
</script></html>
"""


@contextmanager
def notebook(page):
    """The address of a page that shows a widget, which learns in a loop as a kernel's is."""
    told = queue.SimpleQueue()
    page.send = lambda content, buffers: told.put(
        (content, [base64.b64encode(one).decode() for one in buffers])
    )
    loop = asyncio.new_event_loop()
    kernel = threading.Thread(target=loop.run_forever)
    static = files("nnhp.playground") / "static"
    values = json.dumps({"options": page.options, "hidden": page.hidden})
    texts = {
        "/": ("text/html", NOTEBOOK.replace("VALUES", values)),
        "/playground.js": ("text/javascript", str(page._esm)),
        "/playground.css": ("text/css", (static / "playground.css").read_text()),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer(*texts[self.path])

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/say":
                loop.call_soon_threadsafe(page._handle_custom_msg, json.loads(body), [])
            waiting = [told.get() for _ in range(told.qsize())] if self.path == "/hear" else []
            self.answer("application/json", json.dumps(waiting))

        def answer(self, kind, text):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        kernel.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            loop.call_soon_threadsafe(page.close)
            loop.call_soon_threadsafe(loop.stop)
            kernel.join()
            loop.close()
            server.shutdown()
            serving.join()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


def test_the_module_mounts_by_anywidget_s_contract(browser, monkeypatch):
    monkeypatch.setattr(_widget, "_MOST_ASKED", 4)
    page = nnhp.Playground(dataset="xor", networkShape="4,2", hidden=["stepButton"])
    with notebook(page) as address:
        shown = Page(browser, address)
        shown.wait(lambda: len(shown.all(".unit")) == 6)
        assert not shown.one(".step").is_displayed()
        assert shown.one("[data-option=dataset] select").get_attribute("value") == "xor"
        before = shown.map()
        shown.one(".play").click()
        shown.wait(lambda: shown.epoch >= 5)
        assert shown.map() != before
        Select(shown.one("[data-option=noise] select")).select_by_value("20")
        saved = "return window.notebook.saved.at(-1).options.noise"
        shown.wait(lambda: browser.execute_script(saved) == 20)
        shown.wait(lambda: shown.epoch >= 5)
        assert shown.one(".play").get_attribute("aria-label") == "Pause"
        browser.execute_script("window.notebook.leave()")
        assert browser.execute_script("return window.notebook.listeners.size") == 0
        shown.wait(lambda: not page._conversation.busy)
        assert shown.complaints() == []


def listens(port):
    with contextlib.suppress(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    return False


def test_it_is_there_in_jupyterlab(browser, tmp_path):
    for module in ("jupyterlab", "ipykernel"):
        pytest.importorskip(module)
    cell = "import nnhp\nnnhp.Playground(dataset='xor', networkShape='3')"
    (tmp_path / "a.ipynb").write_text(
        json.dumps(
            {
                "cells": [{"cell_type": "code", "id": "a", "source": cell, "metadata": {},
                           "outputs": [], "execution_count": None}],
                "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
                "nbformat": 4, "nbformat_minor": 5,
            }
        )
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    token = secrets.token_hex()
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={tmp_path}",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as lab:
        try:
            wait = WebDriverWait(browser, 90, 0.2).until
            wait(lambda _: listens(port))
            browser.get(f"http://127.0.0.1:{port}/lab/tree/a.ipynb?token={token}")

            def all_of(selector):
                return browser.find_elements(By.CSS_SELECTOR, selector)

            wait(lambda _: any("Idle" in one.text for one in all_of("#jp-main-statusbar")))
            wait(lambda _: all_of(".jp-Notebook .cm-content") and not all_of(".jp-Spinner"))
            all_of(".jp-Notebook .cm-content")[0].click()
            browser.switch_to.active_element.send_keys(Keys.CONTROL, Keys.ENTER)
            wait(lambda _: len(all_of(".nnhp-playground .unit")) == 3)
            picture = "return document.querySelector('.nnhp-playground .map').toDataURL()"
            before = browser.execute_script(picture)
            all_of(".nnhp-playground .play")[0].click()
            wait(lambda _: int(all_of(".nnhp-playground .epoch")[0].text) >= 5)
            assert browser.execute_script(picture) != before
        finally:
            lab.kill()  # its kernel goes with it
