// The playground's page: an anywidget front-end module (AFM). It draws what the model tells and sends
// what the user asks; all learning is done behind the model. Texts are set as text, never as HTML.

const NEGATIVE = [245, 147, 34];
const NEUTRAL = [232, 234, 235];
const POSITIVE = [8, 119, 189];
const CLASSES = ["#0877bd", "#f59322", "#3a923a", "#c03d3e", "#9372b2", "#845b53", "#d684bd", "#7f7f7f", "#a9aa35", "#2eabb8"];
const NODE = 36; // CSS pixels of a unit's picture
const GAP = 12;
const PITCH = 2.6 * NODE; // from column to column
const HEAD = 68; // above the units, for what is set of their layer
const SIDE = 300; // of the plane
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
  epochsAFrame: "Epochs a picture", networkShape: "Layers",
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
const OF_BOTH_ENGINES = new Set(["engine", "initZero", "maxEpochs", "epochsAFrame"]);
// What can be searched beside the layers: between two bounds, where both are given, or some values.
const RANGES = { learningRate: [0.003, 1], dropout: ["", ""], momentum: ["", ""], batchSize: ["", ""] };
const SEVERAL = ["activation", "solver", "regularizationRate"];

// From NEUTRAL to an end of [-1, 1], or to a class's color, by shades 0 to 254; 255 is no number.
const NO_NUMBER = [128, 128, 128];
const mixed = (end, share) => NEUTRAL.map((from, k) => Math.round(from + (end[k] - from) * share));
const palette = (of) => [...Array.from({ length: 255 }, (_, shade) => of((shade - 127) / 127)), NO_NUMBER];
const DIVERGING = palette((t) => mixed(t < 0 ? NEGATIVE : POSITIVE, Math.abs(t)));
const CHANCES = CLASSES.map((text) => {
  const hue = [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  return palette((t) => mixed(hue, Math.max(0, t)));
});

// As a canvas has its pixels, and the same where only the sign counts.
const packed = (colors) => Uint32Array.from(colors, ([red, green, blue]) => (255 << 24) | (blue << 16) | (green << 8) | red);
const sharp = (colors) => packed(colors.map((one, shade) => (shade === 255 ? one : colors[shade >= 127 ? 254 : 0])));
const SMOOTH = { two: packed(DIVERGING), more: CHANCES.map(packed) };
const DISCRETE = { two: sharp(DIVERGING), more: CHANCES.map((colors) => packed(colors.map((one, shade) => (shade === 255 ? one : colors[254])))) };

function color(value) {
  return `rgb(${DIVERGING[Math.max(0, Math.min(254, Math.round((value + 1) * 127)))].join(",")})`;
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

// Pictures of shades: one of [-1, 1], or the chance of each class.
function paint(canvas, side, pictures, discrete) {
  if (canvas.height !== side) canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const image = context.createImageData(side, side);
  const pixels = new Uint32Array(image.data.buffer);
  const { two, more } = discrete ? DISCRETE : SMOOTH;
  for (let i = 0; i < pixels.length; i++) {
    let best = 0;
    for (let k = 1; k < pictures.length; k++) if (pictures[k][i] > pictures[best][i]) best = k;
    pixels[i] = (pictures.length === 1 ? two : more[best])[pictures[best][i]];
  }
  context.putImageData(image, 0, 0);
}

const button = (name, label, text, f) =>
  make("button", { type: "button", "aria-label": label, title: label, class: name, text, on: { click: f } });

const labelled = (text, input) => make("label", { class: "control" }, make("span", { text }), input);

// As an address has the activations: one name, where all are the same.
const joined = (names) => (new Set(names).size === 1 ? names[0] : names.join(","));

const selecting = (values, about = {}) =>
  make("select", about, ...values.map((value) => make("option", { value, text: value })));

// A net: inputs, hidden units and the outputs stand in columns, links are curves between them.
class Net {
  constructor(page) {
    this.page = page;
    this.links = [];
    this.units = [];
    this.activations = [];
    this.svg = make("svg", { class: "links", role: "group", "aria-label": "Weights", on: { mouseover: (event) => this.point(event.target) } });
    this.element = make("div", { class: "net" }, this.svg);
    this.edited = make("section", { class: "weights", "aria-label": "Weights of the chosen unit", hidden: true });
  }

  build(problem, frame) {
    const { page } = this;
    const shape = page.shape();
    const columns = [problem.inputs.length, ...shape, frame.biases.at(-1).length];
    const [width, height] = [(columns.length - 1) * PITCH + NODE, HEAD + Math.max(...columns) * (NODE + GAP)];
    const place = (column, row) => [column * PITCH + NODE / 2, HEAD + row * (NODE + GAP) + NODE / 2];
    const at = (element, [x, y]) => {
      element.style.left = `${x - NODE / 2}px`;
      element.style.top = `${y - NODE / 2}px`;
      this.element.append(element);
    };
    this.element.style.height = `${height}px`;
    this.element.style.minWidth = `${width}px`;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", height);
    this.element.replaceChildren(this.svg);
    this.close(); // it was a unit of another net
    this.pointed = undefined;
    this.links = columns.slice(1).flatMap((n, layer) => [...Array(n).keys()].flatMap((unit) =>
      [...Array(columns[layer]).keys()].map((source) => this.link(place, layer, unit, source))));
    this.svg.replaceChildren(...this.links.map((one) => one.path));
    problem.inputs.forEach((name, row) => at(make("div", { class: "input", text: name, title: name }), place(0, row)));
    this.units = [];
    this.activations = [];
    shape.forEach((n, layer) => {
      at(this.layerControls(layer), [place(layer + 1, 0)[0], NODE / 2]);
      for (let unit = 0; unit < n; unit++) {
        const canvas = make("canvas");
        const node = make("button", {
          type: "button", class: "unit", "aria-label": `Unit ${unit + 1} of layer ${layer + 1}`,
          on: {
            mouseenter: () => page.look(layer, unit), mouseleave: () => page.look(null),
            focus: () => page.look(layer, unit), blur: () => page.look(null),
            click: () => this.choose(layer, unit),
          },
        }, canvas);
        this.units.push({ canvas, node, layer, unit });
        at(node, place(layer + 1, unit));
      }
    });
    frame.biases.at(-1).forEach((_, unit) => {
      const name = frame.biases.at(-1).length > 1 ? problem.classes[unit] : "out";
      at(button("answer", `Weights into the output ${name}`, name, () => this.choose(shape.length, unit)), place(shape.length + 1, unit));
    });
  }

  link(place, layer, unit, source) {
    const [x0, y0] = place(layer, source);
    const [x1, y1] = place(layer + 1, unit);
    const middle = (x0 + x1) / 2;
    const title = make("title");
    const path = make("path", {
      d: `M${x0 + NODE / 2},${y0}C${middle},${y0} ${middle},${y1} ${x1 - NODE / 2},${y1}`,
      fill: "none", class: "link", on: { click: () => this.choose(layer, unit, source) },
    }, title);
    return { path, title, layer, unit, source };
  }

  layerControls(layer) {
    const { page } = this;
    const change = (by) => page.setUnits(page.shape().map((n, i) => (i === layer ? Math.max(n + by, 1) : n)));
    const activation = selecting(page.table.activation.names, {
      "aria-label": `Activation of layer ${layer + 1}`,
      on: { change: () => page.setActivations(page.activations().map((name, i) => (i === layer ? activation.value : name))) },
    });
    activation.value = page.activations()[layer];
    this.activations.push(activation);
    return make("div", { class: "layer" },
      page.part("numHiddenLayers", make("div", {},
        button("less", `Remove a unit of layer ${layer + 1}`, "−", () => change(-1)),
        button("plus", `Add a unit to layer ${layer + 1}`, "+", () => change(1)))),
      page.part("activation", activation));
  }

  showActivations(names) {
    this.activations.forEach((select, layer) => { select.value = names[layer]; });
  }

  draw(frame, pictures, discrete) {
    this.frame = frame;
    for (const link of this.links) {
      const weight = frame.weights[link.layer][link.source][link.unit] ?? NaN;
      const stroke = color(Math.tanh(weight) || 0);
      const width = Math.min(1 + Math.abs(weight || 0) / 5 * (MAX_WIDTH - 1), MAX_WIDTH).toFixed(1);
      if (link.stroke !== stroke) link.path.setAttribute("stroke", link.stroke = stroke);
      if (link.width !== width) link.path.setAttribute("stroke-width", link.width = width);
    }
    this.units.forEach(({ canvas, node, layer, unit }, i) => {
      paint(canvas, frame.sides[0], [pictures[i]], discrete);
      node.classList.toggle("dead", frame.dead[layer].includes(unit));
    });
    this.tellWeight();
    if (this.chosen) this.showWeights();
  }

  // The link under the pointer tells its weight.
  point(target) {
    this.pointed = this.links.find((one) => one.path === target);
    this.tellWeight();
  }

  tellWeight() {
    if (!this.pointed) return;
    const { title, layer, unit, source } = this.pointed;
    title.textContent = `Weight ${this.frame.weights[layer][source][unit]}`;
  }

  choose(layer, unit, source) {
    this.chosen = { layer, unit };
    this.fillWeights();
    if (source !== undefined) this.entries[source].focus();
  }

  close() {
    this.chosen = null;
    this.edited.hidden = true;
  }

  // The weights into a unit and its bias, to be read and set.
  fillWeights() {
    const { page, frame } = this;
    const { layer, unit } = this.chosen;
    const entry = (text, value, source) => {
      const input = make("input", {
        type: "number", step: "any", value,
        on: { change: () => page.send({ do: "edit", layer, unit, source, value: Number(input.value) }) },
      });
      this.entries.push(input);
      return labelled(text, input);
    };
    const from = (source) => (layer === 0 ? page.problem.inputs[source] : `unit ${source + 1}`);
    this.entries = [];
    this.edited.hidden = false;
    this.edited.replaceChildren(
      make("h3", { text: layer < page.shape().length ? `Unit ${unit + 1} of layer ${layer + 1}` : "Output" }),
      ...frame.weights[layer].map((row, source) => entry(`from ${from(source)}`, row[unit], source)),
      entry("bias", frame.biases[layer][unit], null),
      make("button", { type: "button", text: "Close", on: { click: () => this.close() } }));
  }

  // The values as they are now, but for the one that is being typed.
  showWeights() {
    const { layer, unit } = this.chosen;
    this.entries.forEach((input, source) => {
      const row = this.frame.weights[layer][source];
      if (input !== document.activeElement) input.value = row ? row[unit] : this.frame.biases[layer][unit];
    });
  }
}

// What comes out: the plane with the samples, and the losses.
class Output {
  constructor() {
    this.map = make("canvas", { class: "map", role: "img", "aria-label": "Output of the network over the plane" });
    this.dots = make("canvas", { class: "dots", "aria-hidden": "true", width: SIDE, height: SIDE });
    this.plane = make("div", { class: "plane" }, this.map, this.dots);
    this.losses = make("p", { class: "losses", "aria-live": "off" });
    this.curves = ["train", "test"].map((name) => make("polyline", { class: name, fill: "none" }));
    this.chart = make("svg", { class: "chart", viewBox: "0 0 300 80", role: "img", "aria-label": "Loss over epochs" }, ...this.curves);
    this.gradients = make("p", { class: "gradients" });
  }

  draw(frame, pictures, discrete) {
    paint(this.map, frame.sides[1], pictures, discrete);
    this.drawLosses(frame.losses);
    const steps = frame.gradients.map((one, i) => `${i + 1}: ${one ?? "–"}`).join("  ");
    const dead = frame.dead.flat().length;
    this.gradients.textContent = `Gradients by layer ${steps}${dead ? ` · ${dead} units never change` : ""}`;
  }

  drawDots({ points, y, nTrain, classes, halfSide }, showTestData) {
    const context = this.dots.getContext("2d");
    context.clearRect(0, 0, SIDE, SIDE);
    points.slice(0, showTestData ? points.length : nTrain).forEach(([x0, x1], i) => {
      context.beginPath();
      context.arc((x0 / halfSide + 1) * SIDE / 2, (1 - x1 / halfSide) * SIDE / 2, 2.5, 0, 2 * Math.PI);
      context.fillStyle = classes.length > 2 ? CLASSES[y[i]] : color(classes.length ? 2 * y[i] - 1 : y[i]);
      context.strokeStyle = i < nTrain ? "white" : "black";
      context.fill();
      context.stroke();
    });
  }

  drawLosses(losses) {
    const [train, test] = losses.map((curve) => curve.at(-1)?.[1]?.toFixed(3) ?? "–");
    this.losses.textContent = `Test loss ${test} · Training loss ${train}`;
    const known = losses.map((curve) => curve.filter(([, loss]) => loss !== null));
    const high = Math.max(...known.flat().map(([, loss]) => loss), 1e-12);
    known.forEach((curve, i) => {
      const last = Math.max(losses[i].at(-1)?.[0] ?? 1, 1);
      this.curves[i].setAttribute("points",
        curve.map(([epoch, loss]) => `${(epoch / last * 300).toFixed(1)},${(78 - loss / high * 76).toFixed(1)}`).join(" "));
    });
  }
}

// What is searched, and the candidates.
class Search {
  constructor(page) {
    this.page = page;
    this.candidates = new Map();
    this.wishes = {};
    const number = (name, label, value, about = {}) =>
      labelled(label, this.wishes[name] = make("input", { type: "number", value, step: "any", ...about }));
    const bounds = (name, label, [low, high], about) =>
      [number(`${name}Low`, `${label} from`, low, about), number(`${name}High`, `${label} to`, high, about)];
    const several = (name) => {
      const { names, steps } = page.table[name];
      return labelled(LABELS[name], this.wishes[name] = selecting(names ?? steps, { multiple: true, size: 5 }));
    };
    this.wishes.method = selecting(["random", "grid", "hyperband", "bayes", "genetic"]);
    this.begin = button("search", "Search", "Search", () => this.ask());
    this.board = make("ol", { class: "board", "aria-label": "Candidates, the best first" });
    this.lines = make("svg", { class: "lines", role: "img", "aria-label": "Settings and scores of the candidates", hidden: true });
    this.element = make("details", { class: "search-panel" }, make("summary", { text: "Search for good settings" }),
      make("div", { class: "grid" },
        labelled("Method", this.wishes.method),
        number("n", "Candidates", 16, { min: 1, max: 200, step: 1 }),
        number("epochs", "Epochs of each, at most", 81, { min: 1, max: 1000, step: 1 }),
        ...bounds("depth", "Hidden layers", [1, 3], { min: 1, step: 1 }),
        ...bounds("width", "Units", [2, 8], { min: 1, step: 1 }),
        ...Object.entries(RANGES).flatMap(([name, values]) => bounds(name, LABELS[name], values, { min: 0 })),
        ...SEVERAL.map(several)),
      this.begin, this.lines, this.board);
  }

  ask() {
    if (this.begin.textContent === "Stop") {
      this.page.send({ do: "stop search" });
      return;
    }
    const bounds = (...names) => names.flatMap((name) => [this.wishes[`${name}Low`], this.wishes[`${name}High`]]);
    const space = {};
    const range = (name, inputs) => { if (inputs.every((one) => one.value !== "")) space[name] = inputs.map((one) => Number(one.value)); };
    range("networkShape", bounds("depth", "width"));
    for (const name of Object.keys(RANGES)) range(name, bounds(name));
    for (const name of SEVERAL) {
      const chosen = [...this.wishes[name].selectedOptions].map((one) => one.value);
      if (chosen.length) space[name] = this.page.table[name].steps ? chosen.map(Number) : chosen;
    }
    const { method, n, epochs } = this.wishes;
    this.page.send({ do: "search", method: method.value, n: Number(n.value), epochs: Number(epochs.value), space });
  }

  take(content) {
    this.begin.textContent = content.over ? "Search" : "Stop";
    this.begin.setAttribute("aria-label", content.over ? "Search" : "Stop the search");
    if (!content.over) {
      this.candidates.clear();
      this.board.replaceChildren();
    }
    this.drawLines();
  }

  // A candidate at the end of a rung: its picture and score take the place of those of the rung before.
  takeCandidate(content, pictures, discrete) {
    let entry = this.candidates.get(content.number);
    if (!entry) {
      const [canvas, text] = [make("canvas"), make("span")];
      const load = () => this.page.send({ do: "load", options: entry.about.options, epochs: entry.about.epochs });
      entry = { canvas, text, item: make("li", {}, make("button", { type: "button", on: { click: load } }, canvas, text)) };
      this.candidates.set(content.number, entry);
    }
    entry.about = content;
    paint(entry.canvas, content.side, pictures, discrete);
    const settings = Object.entries(content.setting).map(([name, value]) =>
      `${LABELS[name]} ${typeof value === "number" ? Number(value.toPrecision(3)) : value}`);
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
    const values = [...Object.keys(all[0].setting).map((name) => [LABELS[name], all.map((one) => one.setting[name]), name === "learningRate"]),
      ["Score", all.map((one) => one.score), false]];
    const axes = values.map(([name, found, log]) => {
      const known = [...new Set(found)].sort();
      const places = found.map((value) => (typeof value !== "number" ? known.indexOf(value) : log ? Math.log(value) : value));
      const [low, high] = [Math.min(...places), Math.max(...places)];
      return { name, at: places.map((value) => (high > low ? (value - low) / (high - low) : 0.5)) };
    });
    const [width, height, last] = [600, 160, axes.length - 1];
    const x = (i) => 20 + i * (width - 40) / last;
    const y = (t) => height - 30 - t * (height - 45);
    const anchor = (i) => (i === 0 ? "start" : i === last ? "end" : "middle");
    this.lines.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.lines.replaceChildren(
      ...axes.map((_, i) => make("line", { x1: x(i), x2: x(i), y1: y(0), y2: y(1), class: "axis" })),
      ...all.map((_, k) => make("polyline", {
        fill: "none", "stroke-width": axes[last].at[k] === 1 ? 3 : 1, stroke: color(2 * axes[last].at[k] - 1),
        points: axes.map((axis, i) => `${x(i).toFixed(1)},${y(axis.at[k]).toFixed(1)}`).join(" "),
      })),
      ...axes.map((axis, i) => make("text", { x: x(i), y: height - 10, "text-anchor": anchor(i), text: axis.name })));
  }
}

// All of it, and what is said between it and the model.
class Page {
  constructor(model, el) {
    this.model = model;
    this.el = el;
    this.controls = {};
    this.hidden = new Set(model.get("hidden") ?? []);
    this.seen = 0;
    this.heard = (content, buffers) => this.hear(content, buffers);
    model.on("msg:custom", this.heard);
    this.send({ do: "begin", options: model.get("options") ?? {} });
  }

  send(message) { this.model.send(message); }

  set(options) { this.send({ do: "set", options }); }

  look(layer, unit) { this.send(layer === null ? { do: "look" } : { do: "look", layer, unit }); }

  hear(content, buffers) {
    const pictures = () => buffers.map((one) => new Uint8Array(one.buffer ?? one, one.byteOffset ?? 0, one.byteLength));
    const act = {
      options: () => this.takeOptions(content),
      problem: () => { this.problem = content; this.frame = this.next = null; },
      frame: () => this.takeFrame(content, pictures()),
      error: () => { this.say(content.text); this.showOptions(); },
      code: () => this.showCode(content),
      table: () => this.takeTable(content),
      search: () => this.search.take(content),
      candidate: () => this.search.takeCandidate(content, pictures(), this.options.discretize),
    }[content.is];
    if (act) act();
    this.tellSeen();
  }

  // Now and then, so that whoever learns knows that somebody looks.
  tellSeen() {
    if (performance.now() < this.seen + 1000) return;
    this.seen = performance.now();
    this.send({ do: "seen" });
  }

  say(text) {
    this.message.textContent = text;
    this.message.hidden = !text;
  }

  takeOptions(content) {
    const first = !this.table;
    this.table ??= content.table;
    this.options = content.now;
    if (first) this.build();
    this.say("");
    this.showOptions();
    this.model.set("options", this.options);
    this.model.save_changes();
  }

  // Of the frames that come before the browser draws, only the last is shown.
  takeFrame(content, pictures) {
    this.next = { content, pictures };
    this.drawing ??= requestAnimationFrame(() => {
      this.drawing = undefined;
      if (this.next) this.showFrame(this.next.content, this.next.pictures);
    });
  }

  showFrame(content, pictures) {
    const { discretize, showTestData } = this.options;
    const other = this.frame === null; // it is of another problem
    this.frame = content;
    this.epoch.textContent = String(content.epoch).padStart(6, "0");
    this.play.textContent = content.playing ? "▮▮" : "▶";
    this.play.setAttribute("aria-label", content.playing ? "Pause" : "Run");
    if (other) this.net.build(this.problem, content);
    if (other || this.testDataShown !== showTestData) this.output.drawDots(this.problem, showTestData);
    this.testDataShown = showTestData;
    const n = this.net.units.length;
    this.net.draw(content, pictures.slice(0, n), discretize);
    this.output.draw(content, pictures.slice(n), discretize);
  }

  // ------------------------------------------------------------------ what stands on it

  build() {
    this.el.classList.add("nnhp-playground");
    this.net = new Net(this);
    this.output = new Output();
    this.search = new Search(this);
    this.play = button("play", "Run", "▶", () => this.send({ do: this.frame?.playing ? "pause" : "play" }));
    this.epoch = make("output", { class: "epoch", "aria-label": "Epoch", text: "0" });
    const top = make("div", { class: "top", role: "group", "aria-label": "Training" },
      this.part("resetButton", button("reset", "Reset the network", "↺", () => this.send({ do: "reset" }))),
      this.part("playButton", this.play),
      this.part("stepButton", button("step", "One epoch", "▸|", () => this.send({ do: "step" }))),
      labelled("Epoch", this.epoch),
      ...TOP.map((name) => this.part(name, this.control(name))));
    this.message = make("p", { class: "message", role: "alert", hidden: true });
    const data = make("section", { class: "data", "aria-label": "Data" }, make("h2", { text: "Data" }),
      ...DATA.map((name) => this.part(name === "regDataset" ? "dataset" : name, this.control(name))),
      button("regenerate", "Regenerate the samples", "Regenerate", () => this.set({ seed: Math.random().toFixed(5) })),
      this.ownData());
    const features = make("section", { class: "features", "aria-label": "Features" }, make("h2", { text: "Features" }),
      ...Object.entries(FEATURES).map(([name, text]) => this.flag(name, text, "feature")));
    this.layers = make("output", { text: "" });
    const count = make("div", { class: "count" },
      button("fewer", "Remove a hidden layer", "−", () => this.setUnits(this.shape().slice(0, -1))),
      button("more", "Add a hidden layer", "+", () => this.setUnits([...this.shape(), 2])),
      this.layers);
    const middle = make("section", { class: "middle", "aria-label": "Hidden layers" },
      make("h2", { text: "Hidden layers" }), this.part("numHiddenLayers", count), this.net.element, this.net.edited);
    const output = make("section", { class: "output", "aria-label": "Output" }, make("h2", { text: "Output" }),
      this.output.losses, this.output.chart, this.output.plane,
      this.part("showTestData", this.control("showTestData")), this.part("discretize", this.control("discretize")),
      this.output.gradients);
    this.code = make("pre", { class: "code", tabindex: "0", hidden: true });
    const more = make("section", { class: "more", "aria-label": "More" },
      make("details", {}, make("summary", { text: "More settings" }),
        make("div", { class: "grid" }, ...MORE.map((name) => this.control(name)))),
      this.search.element,
      button("show-code", "Show the code", "Show the code", () => this.send({ do: "code" })), this.code);
    this.el.replaceChildren(top, this.message,
      make("div", { class: "columns" }, data, features, middle, output), more);
  }

  part(name, element) {
    element.hidden = this.hidden.has(name);
    return element;
  }

  // An option as a control, by its kind in the table.
  control(name) {
    const about = this.table[name];
    if (about.kind === "flag") return this.flag(name, LABELS[name], "control flag");
    const isNumber = about.kind === "number" || about.kind === "whole";
    const values = about.names ?? (about.steps?.length ? about.steps : null);
    const input = values ? selecting(values)
      : make("input", isNumber ? { type: "number", min: about.low, max: about.high, step: about.kind === "whole" ? 1 : "any" } : { type: "text" });
    input.addEventListener("change", () => this.set({ [name]: isNumber ? Number(input.value) : input.value }));
    this.controls[name] = (value) => {
      const text = String(value);
      if (values && ![...input.options].some((one) => one.value === text)) input.append(make("option", { value: text, text }));
      input.value = text;
    };
    const control = labelled(LABELS[name], input);
    control.dataset.option = name;
    return control;
  }

  flag(name, text, kind) {
    const box = make("input", { type: "checkbox", on: { change: () => this.set({ [name]: box.checked }) } });
    this.controls[name] = (value) => { box.checked = value; };
    return make("label", { class: kind, "data-option": name }, box, make("span", { text }));
  }

  showOptions() {
    for (const [name, show] of Object.entries(this.controls)) show(this.options[name]);
    const regression = this.options.problem === "regression";
    const shown = { dataset: !regression, regDataset: regression, loss: !regression, regLoss: regression };
    for (const [name, is] of Object.entries(shown)) {
      for (const element of this.el.querySelectorAll(`[data-option=${name}]`)) element.classList.toggle("out", !is);
    }
    const original = this.options.engine === "original";
    for (const name of MORE.filter((one) => !OF_BOTH_ENGINES.has(one))) {
      this.el.querySelector(`[data-option=${name}] select, [data-option=${name}] input`).disabled = original;
    }
    const n = this.shape().length;
    this.layers.textContent = `${n} hidden layer${n === 1 ? "" : "s"}`;
    this.net.showActivations(this.activations());
  }

  // ------------------------------------------------------------------ layers

  shape() {
    return this.options.networkShape ? this.options.networkShape.split(",").map(Number) : [];
  }

  // One for each hidden layer.
  activations(n = this.shape().length) {
    const names = this.options.activation.split(",");
    return Array.from({ length: n }, (_, i) => names[i] ?? names.at(-1));
  }

  setUnits(units) {
    this.set({ networkShape: units.join(","), activation: joined(this.activations(units.length || 1)) });
  }

  setActivations(names) { this.set({ activation: joined(names) }); }

  // ------------------------------------------------------------------ own data, code

  ownData() {
    const file = make("input", { type: "file", accept: ".csv,.tsv,.txt", on: { change: () => this.readFile(file) } });
    this.target = make("select", { on: { change: () => this.sendTable() } });
    this.axes = make("select", { on: { change: () => this.sendTable() } });
    return make("details", {}, make("summary", { text: "Your own data" }),
      labelled("CSV file", file), labelled("Predict", this.target), labelled("Draw over", this.axes));
  }

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

  leave() {
    this.model.off("msg:custom", this.heard);
    cancelAnimationFrame(this.drawing);
  }
}

export default {
  render({ model, el }) {
    const page = new Page(model, el);
    return () => page.leave();
  },
};
