// The playground's page: an anywidget front-end module (AFM). It draws what the model tells and sends
// what the user asks; all learning is done behind the model. Texts are set as text, never as HTML.

const NEGATIVE = [245, 147, 34];
const NEUTRAL = [232, 234, 235];
const POSITIVE = [8, 119, 189];
const CLASSES = ["#0877bd", "#f59322", "#3a923a", "#c03d3e", "#9372b2", "#845b53", "#d684bd", "#7f7f7f", "#a9aa35", "#2eabb8"];
const NODE = 36; // CSS pixels of a unit's picture
const GAP = 12;
const MAX_WIDTH = 10; // of a link, for a weight of 5 and more
const SVG = "http://www.w3.org/2000/svg";
const DRAWN = new Set(["svg", "path", "polyline", "line", "text", "title"]);

const LABELS = {
  problem: "Problem type", dataset: "Data", regDataset: "Data", percTrainData: "Training share (%)",
  noise: "Noise", batchSize: "Batch size", seed: "Seed", learningRate: "Learning rate",
  activation: "Activation", regularization: "Regularization", regularizationRate: "Regularization rate",
  engine: "Engine", solver: "Optimizer", momentum: "Momentum", schedule: "Schedule",
  scheduleEpochs: "Epochs of the schedule", dropout: "Dropout", initializer: "First weights",
  loss: "Loss", regLoss: "Loss", earlyStopping: "Stop early", maxEpochs: "Epochs at most",
  initZero: "Begin with zeros", showTestData: "Show test data", discretize: "Discretize output",
  epochsAFrame: "Epochs a picture",
};
const FEATURES = {
  x: "X₁", y: "X₂", xSquared: "X₁²", ySquared: "X₂²", xTimesY: "X₁X₂", sinX: "sin(X₁)", sinY: "sin(X₂)",
};
const TOP = ["learningRate", "activation", "regularization", "regularizationRate", "problem"];
const DATA = ["dataset", "regDataset", "percTrainData", "noise", "batchSize", "seed"];
const MORE = [
  "engine", "solver", "momentum", "schedule", "scheduleEpochs", "dropout", "initializer", "initZero", "loss",
  "regLoss", "earlyStopping", "maxEpochs", "epochsAFrame",
];

const PALETTE = (() => {
  const found = [];
  for (let i = 0; i < 255; i++) {
    const t = (i - 127) / 127;
    const end = t < 0 ? NEGATIVE : POSITIVE;
    found.push(NEUTRAL.map((from, k) => Math.round(from + (end[k] - from) * Math.abs(t))));
  }
  found.push([128, 128, 128]); // no number
  return found;
})();

function color(value) {
  const shade = Math.max(0, Math.min(254, Math.round((value + 1) * 127)));
  return `rgb(${PALETTE[shade].join(",")})`;
}

// make("button", {class: "x", text: "y", on: {click: f}}, child, ...): an element.
function make(tag, about = {}, ...children) {
  const element = DRAWN.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(about)) {
    if (name === "text") element.textContent = value;
    else if (name === "on") for (const [event, f] of Object.entries(value)) element.addEventListener(event, f);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function paint(canvas, side, pictures, discrete) {
  if (canvas.height !== side) canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const image = context.createImageData(side, side);
  for (let i = 0; i < side * side; i++) {
    let rgb;
    if (pictures.length === 1) {
      const shade = pictures[0][i];
      rgb = PALETTE[discrete && shade < 255 ? (shade >= 127 ? 254 : 0) : shade];
    } else {
      let best = 0;
      for (let k = 1; k < pictures.length; k++) if (pictures[k][i] > pictures[best][i]) best = k;
      const hue = hexadecimal(CLASSES[best]);
      const sure = discrete ? 1 : Math.max(0, (pictures[best][i] - 127) / 127);
      rgb = NEUTRAL.map((from, k) => from + (hue[k] - from) * sure);
    }
    image.data.set([rgb[0], rgb[1], rgb[2], 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
}

function hexadecimal(text) {
  return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
}

class Page {
  constructor(model, el) {
    this.model = model;
    this.el = el;
    this.options = null;
    this.table = null;
    this.problem = null;
    this.frame = null;
    this.pictures = [];
    this.links = [];
    this.units = [];
    this.controls = {};
    this.hidden = new Set((model.get("hidden") ?? []));
    this.heard = (content, buffers) => this.hear(content, buffers);
    model.on("msg:custom", this.heard);
    this.send({ do: "begin", options: model.get("options") ?? {} });
  }

  send(message) { this.model.send(message); }

  set(options) { this.send({ do: "set", options }); }

  hear(content, buffers) {
    const pictures = () => buffers.map((one) => new Uint8Array(one.buffer ?? one, one.byteOffset ?? 0, one.byteLength));
    const act = {
      options: () => this.takeOptions(content),
      problem: () => { this.problem = content; this.frame = null; },
      frame: () => this.takeFrame(content, pictures()),
      error: () => { this.say(content.text); this.showOptions(); },
      code: () => this.showCode(content),
      table: () => this.takeTable(content),
      search: () => this.takeSearch(content),
      candidate: () => this.takeCandidate(content, pictures()),
    }[content.is];
    if (act) act();
  }

  say(text) {
    this.message.textContent = text;
    this.message.hidden = !text;
  }

  takeOptions(content) {
    const first = this.table === null;
    if (content.table) this.table = content.table;
    this.options = content.now;
    if (first) this.build();
    this.say("");
    this.showOptions();
    this.model.set("options", this.options);
    this.model.save_changes();
  }

  // ------------------------------------------------------------------ the page

  build() {
    this.el.classList.add("nnhp-playground");
    const button = (name, label, text, f) =>
      make("button", { type: "button", "aria-label": label, title: label, class: name, text, on: { click: f } });
    this.play = button("play", "Run", "▶", () => this.send({ do: this.frame?.playing ? "pause" : "play" }));
    this.epoch = make("output", { class: "epoch", "aria-label": "Epoch", text: "0" });
    const top = make("div", { class: "top", role: "group", "aria-label": "Training" },
      this.part("resetButton", button("reset", "Reset the network", "↺", () => this.send({ do: "reset" }))),
      this.part("playButton", this.play),
      this.part("stepButton", button("step", "One epoch", "▸|", () => this.send({ do: "step" }))),
      make("label", { class: "control" }, make("span", { text: "Epoch" }), this.epoch),
      ...TOP.map((name) => this.part(name, this.control(name))));
    this.message = make("p", { class: "message", role: "alert", hidden: true });
    const file = make("input", { type: "file", accept: ".csv,.tsv,.txt", on: { change: () => this.readFile(file) } });
    this.target = make("select", { on: { change: () => this.sendTable() } });
    this.axes = make("select", { on: { change: () => this.sendTable() } });
    this.own = make("details", {}, make("summary", { text: "Your own data" }),
      make("label", { class: "control" }, make("span", { text: "CSV file" }), file),
      make("label", { class: "control" }, make("span", { text: "Predict" }), this.target),
      make("label", { class: "control" }, make("span", { text: "Draw over" }), this.axes));
    const data = make("section", { class: "data", "aria-label": "Data" }, make("h2", { text: "Data" }),
      ...DATA.map((name) => this.part(name === "regDataset" ? "dataset" : name, this.control(name))),
      button("regenerate", "Regenerate the samples", "Regenerate", () => this.set({ seed: Math.random().toFixed(5) })),
      this.own);
    const features = make("section", { class: "features", "aria-label": "Features" }, make("h2", { text: "Features" }),
      ...Object.entries(FEATURES).map(([name, text]) => {
        const box = make("input", { type: "checkbox", on: { change: () => this.set({ [name]: box.checked }) } });
        this.controls[name] = { show: (value) => { box.checked = value; } };
        return make("label", { class: "feature" }, box, make("span", { text }));
      }));
    this.layers = make("output", { text: "" });
    const count = make("div", { class: "count" },
      button("fewer", "Remove a hidden layer", "−", () => this.setUnits(this.shape().slice(0, -1))),
      button("more", "Add a hidden layer", "+", () => this.setUnits([...this.shape(), 2])),
      this.layers);
    this.svg = make("svg", { class: "links", role: "group", "aria-label": "Weights" });
    this.net = make("div", { class: "net" }, this.svg);
    this.edited = make("section", { class: "weights", "aria-label": "Weights of the chosen unit", hidden: true });
    const middle = make("section", { class: "middle", "aria-label": "Hidden layers" },
      make("h2", { text: "Hidden layers" }), this.part("numHiddenLayers", count), this.net, this.edited);
    this.map = make("canvas", { class: "map", role: "img", "aria-label": "Output of the network over the plane" });
    this.dots = make("canvas", { class: "dots", "aria-hidden": "true" });
    this.losses = make("p", { class: "losses", "aria-live": "off" });
    this.chart = make("svg", { class: "chart", viewBox: "0 0 300 80", role: "img", "aria-label": "Loss over epochs" });
    this.gradients = make("p", { class: "gradients" });
    const output = make("section", { class: "output", "aria-label": "Output" }, make("h2", { text: "Output" }),
      this.losses, this.chart, make("div", { class: "plane" }, this.map, this.dots),
      this.part("showTestData", this.control("showTestData")), this.part("discretize", this.control("discretize")),
      this.gradients);
    this.code = make("pre", { class: "code", tabindex: "0", hidden: true });
    const more = make("section", { class: "more", "aria-label": "More" },
      make("details", {}, make("summary", { text: "More settings" }),
        make("div", { class: "grid" }, ...MORE.map((name) => this.control(name)))),
      this.searchPanel(button),
      button("show-code", "Show the code", "Show the code", () => this.send({ do: "code" })), this.code);
    this.el.replaceChildren(top, this.message,
      make("div", { class: "columns" }, data, features, middle, output), more);
  }

  // ------------------------------------------------------------------ the search

  searchPanel(button) {
    const number = (name, label, value, about) => {
      const input = make("input", { type: "number", value, step: "any", ...about });
      this.wishes[name] = input;
      return make("label", { class: "control" }, make("span", { text: label }), input);
    };
    const choose = (name, label, names, many) => {
      const select = make("select", { multiple: many, size: many ? Math.min(names.length, 5) : 1 },
        ...names.map((value) => make("option", { value, text: value })));
      this.wishes[name] = select;
      return make("label", { class: "control" }, make("span", { text: label }), select);
    };
    this.wishes = {};
    this.candidates = new Map();
    this.searching = button("search", "Search", "Search", () => this.search());
    this.board = make("ol", { class: "board", "aria-label": "Candidates, the best first" });
    this.lines = make("svg", { class: "lines", role: "img", "aria-label": "Settings and scores of the candidates", hidden: true });
    return make("details", { class: "search-panel" }, make("summary", { text: "Search for good settings" }),
      make("div", { class: "grid" },
        choose("method", "Method", ["random", "grid", "hyperband", "bayes", "genetic"], false),
        number("n", "Candidates", 16, { min: 1, max: 200, step: 1 }),
        number("epochs", "Epochs of each, at most", 81, { min: 1, max: 1000, step: 1 }),
        number("rateLow", "Learning rate from", 0.003, { min: 0 }), number("rateHigh", "to", 1, { min: 0 }),
        number("depthLow", "Hidden layers from", 1, { min: 1, max: 10, step: 1 }), number("depthHigh", "to", 3, { min: 1, max: 10, step: 1 }),
        number("widthLow", "Units from", 2, { min: 1, max: 64, step: 1 }), number("widthHigh", "to", 8, { min: 1, max: 64, step: 1 }),
        choose("activation", "Activations", this.table.activation.names, true),
        choose("solver", "Optimizers", this.table.solver.names, true)),
      this.searching, this.lines, this.board);
  }

  search() {
    if (this.searching.textContent === "Stop") {
      this.send({ do: "stop search" });
      return;
    }
    const { method, n, epochs, rateLow, rateHigh, depthLow, depthHigh, widthLow, widthHigh, activation, solver } = this.wishes;
    const chosen = (select) => [...select.selectedOptions].map((one) => one.value);
    const space = {
      learningRate: [Number(rateLow.value), Number(rateHigh.value)],
      networkShape: [depthLow, depthHigh, widthLow, widthHigh].map((one) => Number(one.value)),
    };
    if (chosen(activation).length) space.activation = chosen(activation);
    if (chosen(solver).length) space.solver = chosen(solver);
    this.send({ do: "search", method: method.value, n: Number(n.value), epochs: Number(epochs.value), space });
  }

  takeSearch(content) {
    this.searching.textContent = content.over ? "Search" : "Stop";
    this.searching.setAttribute("aria-label", content.over ? "Search" : "Stop the search");
    if (!content.over) {
      this.candidates.clear();
      this.board.replaceChildren();
    }
    this.drawLines();
  }

  // A candidate at the end of a rung: its picture and score take the place of those of the rung before.
  takeCandidate(content, pictures) {
    let entry = this.candidates.get(content.number);
    if (!entry) {
      const canvas = make("canvas");
      const text = make("span");
      const item = make("li", {}, make("button", {
        type: "button", on: { click: () => this.send({ do: "load", options: entry.about.options, epochs: entry.about.epochs }) },
      }, canvas, text));
      entry = { item, canvas, text };
      this.candidates.set(content.number, entry);
    }
    entry.about = content;
    paint(entry.canvas, content.side, pictures, this.options.discretize);
    const settings = Object.entries(content.setting).map(([name, value]) =>
      `${LABELS[name] ?? "Layers"} ${typeof value === "number" ? Number(value.toPrecision(3)) : value}`);
    entry.text.textContent = `${content.score.toFixed(3)} after ${content.epochs} epochs · ${settings.join(" · ")}`;
    const all = [...this.candidates.values()].sort((a, b) => b.about.score - a.about.score);
    this.board.replaceChildren(...all.map((one) => one.item));
    this.drawLines();
  }

  // Parallel coordinates: an axis for each setting, the last for the score, a line for each candidate.
  drawLines() {
    const all = [...this.candidates.values()].map((one) => one.about);
    this.lines.toggleAttribute("hidden", all.length < 2);
    if (all.length < 2) return;
    const names = Object.keys(all[0].setting);
    const axes = [...names, "score"].map((name) => {
      const values = all.map((one) => (name === "score" ? one.score : one.setting[name]));
      const numbers = typeof values[0] === "number";
      const log = numbers && name === "learningRate";
      const known = numbers ? null : [...new Set(values)].sort();
      const of = (value) => (numbers ? (log ? Math.log(value) : value) : known.indexOf(value));
      const mapped = values.map(of);
      const low = Math.min(...mapped);
      const high = Math.max(...mapped);
      return { name, at: mapped.map((value) => (high > low ? (value - low) / (high - low) : 0.5)) };
    });
    const [width, height] = [600, 160];
    const x = (i) => 20 + i * (width - 40) / (axes.length - 1);
    const y = (t) => height - 30 - t * (height - 45);
    const best = Math.max(...all.map((one) => one.score));
    const worst = Math.min(...all.map((one) => one.score));
    this.lines.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.lines.replaceChildren(
      ...axes.map((_, i) => make("line", { x1: x(i), x2: x(i), y1: y(0), y2: y(1), class: "axis" })),
      ...all.map((one, k) => make("polyline", {
        fill: "none", "stroke-width": one.score === best ? 3 : 1,
        stroke: color(best > worst ? 2 * (one.score - worst) / (best - worst) - 1 : 1),
        points: axes.map((axis, i) => `${x(i).toFixed(1)},${y(axis.at[k]).toFixed(1)}`).join(" "),
      })),
      ...axes.map((axis, i) => make("text", { x: x(i), y: height - 10, "text-anchor": i === 0 ? "start" : i === axes.length - 1 ? "end" : "middle", text: LABELS[axis.name] ?? (axis.name === "score" ? "Score" : "Layers") })));
  }

  part(name, element) {
    element.hidden = this.hidden.has(name);
    return element;
  }

  // An option as a control, by its kind in the table.
  control(name) {
    const about = this.table[name];
    const label = make("span", { text: LABELS[name] ?? name });
    if (about.kind === "flag") {
      const box = make("input", { type: "checkbox", on: { change: () => this.set({ [name]: box.checked }) } });
      this.controls[name] = { show: (value) => { box.checked = value; } };
      return make("label", { class: "control flag", "data-option": name }, box, label);
    }
    let input;
    if (about.kind === "choice" || about.kind === "names") {
      input = make("select", {}, ...about.names.map((value) => make("option", { value, text: value })));
    } else if (about.steps?.length) {
      input = make("select", {}, ...about.steps.map((value) => make("option", { value, text: value })));
    } else {
      input = make("input", about.kind === "text" ? { type: "text" }
        : { type: "number", min: about.low, max: about.high, step: about.kind === "whole" ? 1 : "any" });
    }
    const isNumber = about.kind === "number" || about.kind === "whole";
    input.addEventListener("change", () => this.set({ [name]: isNumber ? Number(input.value) : input.value }));
    this.controls[name] = {
      show: (value) => {
        const text = String(value);
        if (input.tagName === "SELECT" && ![...input.options].some((one) => one.value === text)) {
          input.append(make("option", { value: text, text }));
        }
        input.value = text;
      },
    };
    return make("label", { class: "control", "data-option": name }, label, input);
  }

  showOptions() {
    for (const [name, control] of Object.entries(this.controls)) control.show(this.options[name]);
    const regression = this.options.problem === "regression";
    const shown = { dataset: !regression, regDataset: regression, loss: !regression, regLoss: regression };
    for (const [name, is] of Object.entries(shown)) {
      for (const element of this.el.querySelectorAll(`[data-option=${name}]`)) element.classList.toggle("out", !is);
    }
    const original = this.options.engine === "original";
    for (const name of MORE.filter((one) => !["engine", "initZero", "maxEpochs", "epochsAFrame"].includes(one))) {
      const element = this.el.querySelector(`[data-option=${name}] select, [data-option=${name}] input`);
      if (element) element.disabled = original;
    }
    this.layers.textContent = `${this.shape().length} hidden layers`;
  }

  shape() {
    return this.options.networkShape ? this.options.networkShape.split(",").map(Number) : [];
  }

  setUnits(units) {
    const options = { networkShape: units.join(",") };
    const names = this.options.activation.split(",");
    if (names.length > 1 && names.length !== units.length) options.activation = names[0];
    this.set(options);
  }

  // ------------------------------------------------------------------ the net

  takeFrame(content, pictures) {
    const rebuild = this.frame === null; // it is of another problem
    this.frame = content;
    this.pictures = pictures;
    this.epoch.textContent = String(content.epoch).padStart(6, "0");
    this.play.textContent = content.playing ? "▮▮" : "▶";
    this.play.setAttribute("aria-label", content.playing ? "Pause" : "Run");
    if (rebuild) this.buildNet();
    this.drawNet();
    this.drawOutput();
    this.drawLosses();
  }

  // Inputs, hidden units and the output stand in columns; links are curves between them.
  buildNet() {
    const inputs = this.problem.inputs;
    const columns = [inputs.length, ...this.shape(), this.frame.biases.at(-1).length];
    const high = Math.max(...columns) * (NODE + GAP);
    const width = columns.length * (NODE * 2.6);
    this.net.style.height = `${high + 40}px`;
    this.net.style.minWidth = `${width}px`;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${high + 40}`);
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", high + 40);
    this.svg.replaceChildren();
    this.chosen = null; // it was a unit of another net
    this.edited.hidden = true;
    for (const old of this.net.querySelectorAll(".unit, .units, .input")) old.remove();
    const place = (column, row) => [column * NODE * 2.6 + NODE / 2, 40 + row * (NODE + GAP) + NODE / 2];
    this.links = [];
    this.units = [];
    columns.slice(1).forEach((n, layer) => {
      for (let unit = 0; unit < n; unit++) {
        for (let source = 0; source < columns[layer]; source++) {
          const [x0, y0] = place(layer, source);
          const [x1, y1] = place(layer + 1, unit);
          const middle = (x0 + x1) / 2;
          const title = make("title");
          const path = make("path", {
            d: `M${x0 + NODE / 2},${y0}C${middle},${y0} ${middle},${y1} ${x1 - NODE / 2},${y1}`,
            fill: "none", class: "link", on: { click: () => this.choose(layer, unit, source) },
          }, title);
          this.links.push({ path, title, layer, unit, source });
          this.svg.append(path);
        }
      }
    });
    const at = (element, [x, y]) => {
      element.style.left = `${x - NODE / 2}px`;
      element.style.top = `${y - NODE / 2}px`;
      this.net.append(element);
    };
    inputs.forEach((name, row) => at(make("div", { class: "input", text: name, title: name }), place(0, row)));
    this.shape().forEach((n, layer) => {
      const change = (by) => this.setUnits(this.shape().map((u, i) => (i === layer ? Math.max(u + by, 1) : u)));
      const buttons = make("div", { class: "units" },
        make("button", { type: "button", text: "−", "aria-label": `Remove a unit of layer ${layer + 1}`, on: { click: () => change(-1) } }),
        make("button", { type: "button", text: "+", "aria-label": `Add a unit to layer ${layer + 1}`, on: { click: () => change(1) } }));
      at(buttons, [place(layer + 1, 0)[0], NODE / 2 - 4]);
      for (let unit = 0; unit < n; unit++) {
        const canvas = make("canvas");
        const node = make("button", {
          type: "button", class: "unit", "aria-label": `Unit ${unit + 1} of layer ${layer + 1}`,
          on: {
            mouseenter: () => this.look(layer, unit), mouseleave: () => this.look(null),
            focus: () => this.look(layer, unit), blur: () => this.look(null),
            click: () => this.choose(layer, unit),
          },
        }, canvas);
        this.units.push({ canvas, node, layer, unit });
        at(node, place(layer + 1, unit));
      }
    });
  }

  drawNet() {
    const { weights, dead, sides } = this.frame;
    for (const { path, title, layer, unit, source } of this.links) {
      const weight = weights[layer]?.[source]?.[unit] ?? 0;
      path.setAttribute("stroke", color(Math.tanh(weight)));
      path.setAttribute("stroke-width", Math.min(1 + Math.abs(weight) / 5 * (MAX_WIDTH - 1), MAX_WIDTH).toFixed(2));
      title.textContent = `Weight ${weight}`;
    }
    this.units.forEach(({ canvas, node, layer, unit }, i) => {
      paint(canvas, sides[0], [this.pictures[i]], this.options.discretize);
      node.classList.toggle("dead", dead[layer].includes(unit));
    });
    if (this.chosen) this.showWeights();
  }

  look(layer, unit) {
    this.send(layer === null ? { do: "look" } : { do: "look", layer, unit });
  }

  choose(layer, unit, source) {
    this.chosen = { layer, unit };
    this.fillWeights();
    if (source !== undefined) this.entries[source]?.focus();
  }

  // The values as they are now, but for the one that is being typed.
  showWeights() {
    const { layer, unit } = this.chosen;
    this.entries.forEach((input, source) => {
      const row = this.frame.weights[layer][source];
      if (input !== document.activeElement) input.value = row ? row[unit] : this.frame.biases[layer][unit];
    });
  }

  // The weights into a unit and its bias, to be read and set.
  fillWeights() {
    const { layer, unit } = this.chosen;
    const weights = this.frame.weights[layer];
    this.entries = [];
    const entry = (text, value, source) => {
      const input = make("input", {
        type: "number", step: "any", value,
        on: { change: () => this.send({ do: "edit", layer, unit, source, value: Number(input.value) }) },
      });
      this.entries.push(input);
      return make("label", { class: "control" }, make("span", { text }), input);
    };
    const from = (source) => (layer === 0 ? this.problem.inputs[source] : `unit ${source + 1}`);
    this.edited.hidden = false;
    this.edited.replaceChildren(
      make("h3", { text: layer < this.shape().length ? `Unit ${unit + 1} of layer ${layer + 1}` : "Output" }),
      ...weights.map((row, source) => entry(`from ${from(source)}`, row[unit], source)),
      entry("bias", this.frame.biases[layer][unit], null),
      make("button", { type: "button", text: "Close", on: { click: () => { this.chosen = null; this.edited.hidden = true; } } }));
  }

  // ------------------------------------------------------------------ the output

  drawOutput() {
    if (!this.frame || !this.problem) return;
    const shown = this.pictures.slice(this.units.length);
    if (shown.length) paint(this.map, this.frame.sides[1], shown, this.options.discretize);
    const side = 300;
    if (this.dots.height !== side) this.dots.width = this.dots.height = side;
    const context = this.dots.getContext("2d");
    context.clearRect(0, 0, side, side);
    const { points, y, nTrain, classes, halfSide } = this.problem;
    const last = this.options.showTestData ? points.length : nTrain;
    for (let i = 0; i < last; i++) {
      const [x0, x1] = points[i];
      context.beginPath();
      context.arc((x0 / halfSide + 1) * side / 2, (1 - x1 / halfSide) * side / 2, 2.5, 0, 2 * Math.PI);
      context.fillStyle = classes.length > 2 ? CLASSES[y[i]] : color(classes.length ? 2 * y[i] - 1 : y[i]);
      context.strokeStyle = i < nTrain ? "white" : "black";
      context.fill();
      context.stroke();
    }
  }

  drawLosses() {
    const [train, test] = this.frame.losses;
    const last = (curve) => (curve.length && curve.at(-1)[1] !== null ? curve.at(-1)[1].toFixed(3) : "–");
    this.losses.textContent = `Test loss ${last(test)} · Training loss ${last(train)}`;
    const values = [...train, ...test].map((point) => point[1]).filter((value) => value !== null);
    const high = Math.max(...values, 1e-12);
    const line = (curve, name) => make("polyline", {
      class: name, fill: "none",
      points: curve.filter((point) => point[1] !== null)
        .map(([epoch, loss]) => `${(epoch / Math.max(curve.at(-1)[0], 1) * 300).toFixed(1)},${(78 - loss / high * 76).toFixed(1)}`).join(" "),
    });
    this.chart.replaceChildren(line(train, "train"), line(test, "test"));
    const steps = this.frame.gradients.map((one, i) => `${i + 1}: ${one ?? "–"}`).join("  ");
    const dead = this.frame.dead.flat().length;
    this.gradients.textContent = `Gradients by layer ${steps}${dead ? ` · ${dead} units never change` : ""}`;
  }

  // ------------------------------------------------------------------ own data, code

  async readFile(input) {
    if (!input.files.length) return;
    this.file = { text: await input.files[0].text(), name: input.files[0].name };
    this.send({ do: "data", ...this.file });
  }

  sendTable() {
    const axes = this.axes.value ? JSON.parse(this.axes.value) : null;
    this.send({ do: "data", ...this.file, target: this.target.value, axes });
  }

  takeTable(content) {
    const option = (value, text) => make("option", { value, text });
    this.target.replaceChildren(...content.columns.map((name) => option(name, name)));
    this.target.value = content.target;
    const pairs = content.numeric.flatMap((a, i) => content.numeric.slice(i + 1).map((b) => [a, b]));
    const before = this.axes.value;
    this.axes.replaceChildren(option("", "principal components"),
      ...pairs.slice(0, 200).map((pair) => option(JSON.stringify(pair), pair.join(" × "))));
    this.axes.value = [...this.axes.options].some((one) => one.value === before) ? before : "";
    this.set(this.options.problem === "regression" ? { regDataset: "own" } : { dataset: "own" });
  }

  showCode(content) {
    const note = content.edited ? "# Weights or the learning rate were changed on the page; this begins anew.\n" : "";
    this.code.textContent = note + content.text;
    this.code.hidden = false;
  }

  leave() { this.model.off("msg:custom", this.heard); }
}

export default {
  render({ model, el }) {
    const page = new Page(model, el);
    return () => page.leave();
  },
};
