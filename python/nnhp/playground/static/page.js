// The page's own host: the model that playground.js talks to is behind a websocket, and its options are
// those of the address. The token comes behind the '#', is exchanged for a cookie, and is taken away.
import playground from "./playground.js";

const status = document.getElementById("status");

function parsed(text) {
  if (text === "true" || text === "false") return text === "true";
  return text;
}

// What the address says: names and values as texts, without the token. Of the page's texts it can say
// that they are left out (hideText), or that the tutorial stands below.
function ofAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get("token");
  const hidden = [];
  const options = {};
  const texts = {};
  for (const [name, text] of given) {
    if (name === "token") continue;
    if (name.endsWith("_hide")) {
      if (text === "true") hidden.push(name.slice(0, -5));
    } else if (name === "hideText" || name === "tutorial") texts[name] = text;
    else options[name] = parsed(text);
  }
  return { token, hidden, options, texts };
}

// There is one tutorial, whatever the address calls it.
async function showTexts({ hideText, tutorial }) {
  if (hideText === "true") document.querySelector("header").hidden = true;
  else if (tutorial) {
    const answer = await fetch("/tutorial");
    const text = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    const section = document.createElement("section");
    section.className = "text";
    section.setAttribute("aria-label", "Tutorial");
    section.append(...text.children);
    document.querySelector("main").append(section);
  }
}

async function enter(token) {
  const answer = await fetch("/session", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

class Model {
  constructor(socket, values) {
    this.socket = socket;
    this.values = values;
    this.listeners = new Set();
    socket.addEventListener("message", (event) => this.receive(event.data));
  }

  get(name) { return this.values[name]; }

  set(name, value) { this.values[name] = value; }

  save_changes() {
    const texts = Object.entries(this.values.options).map(([name, value]) => [name, String(value)]);
    const hidden = this.values.hidden.map((name) => [`${name}_hide`, "true"]);
    const said = [...texts, ...hidden, ...Object.entries(this.values.texts)];
    history.replaceState(null, "", `#${new URLSearchParams(said)}`);
  }

  on(event, listener) { if (event === "msg:custom") this.listeners.add(listener); }

  off(event, listener) { if (event === "msg:custom") this.listeners.delete(listener); }

  send(content) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(content));
  }

  receive(bytes) {
    const view = new DataView(bytes);
    let at = 0;
    const next = () => {
      const length = view.getUint32(at, true);
      at += 4 + length;
      return new Uint8Array(bytes, at - length, length);
    };
    const content = JSON.parse(new TextDecoder().decode(next()));
    const buffers = [];
    while (at < bytes.byteLength) buffers.push(next());
    for (const listener of this.listeners) listener(content, buffers);
  }
}

async function main() {
  const { token, hidden, options, texts } = ofAddress();
  if (token !== null) {
    const given = new URLSearchParams(location.hash.slice(1));
    given.delete("token");
    history.replaceState(null, "", `#${given}`);
    await enter(token);
  }
  await showTexts(texts);
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => {
    status.hidden = true;
    playground.render({ model: new Model(socket, { options, hidden, texts }), el: document.getElementById("playground") });
  });
  socket.addEventListener("close", (event) => {
    status.hidden = false;
    status.textContent = event.reason || "There is no connection to nnhp. Open the address that `nnhp playground` printed.";
  });
}

main().catch((error) => { status.hidden = false; status.textContent = error.message; });
