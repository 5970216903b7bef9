// Draws the figures that can be explored and recomputes statuses. `Plot` is Observable Plot; the numbers are in #data.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const word = (text) => data.words[text] ?? text;
  const find = (id) => document.getElementById(id);
  const number = (value, digits = 4) => value.toFixed(digits).replace("-", "−");
  const signed = (value, digits = 4) => (value < 0 ? "" : "+") + number(value, digits);
  const trained = Object.keys(data.curves);
  const epochs = [...new Set(trained.flatMap((name) => data.curves[name].epochs))].sort((a, b) => a - b);

  // The state, which the address keeps as #section&key=value&…
  const initial = { confidence: data.confidence, margin: data.margin, variants: data.shown, epoch: epochs.at(-1), close: false };
  const state = { ...initial };
  const text = (value) => (Array.isArray(value) ? value.map(encodeURIComponent).join(",") : String(value));

  function decoded(name) {
    try {
      return decodeURIComponent(name);
    } catch {
      return name; // an address that someone cut off
    }
  }

  function readAddress() {
    const [section, ...pairs] = location.hash.slice(1).split("&").sort((a, b) => a.includes("=") - b.includes("="));
    const values = Object.fromEntries([section, ...pairs].filter((part) => part.includes("=")).map((part) => part.split("=")));
    if ("confidence" in values && (values.confidence in data.levels)) state.confidence = Number(values.confidence);
    if (Number(values.margin) >= 0) state.margin = Number(values.margin);
    if ("variants" in values) state.variants = values.variants.split(",").map(decoded).filter((name) => name in data.colours);
    if (epochs.includes(Number(values.epoch))) state.epoch = Number(values.epoch);
    if ("close" in values) state.close = values.close === "true";
  }

  function writeAddress() {
    const section = location.hash.slice(1).split("&").find((part) => part && !part.includes("="));
    const pairs = Object.keys(state).filter((key) => text(state[key]) !== text(initial[key])).map((key) => `${key}=${text(state[key])}`);
    history.replaceState(null, "", "#" + [section, ...pairs].filter(Boolean).join("&"));
  }

  // Statuses: the rules of evaluation/statistics.py
  function status(low, high, margin) {
    if (high < 0 || low > 0) return high < 0 ? "better" : "worse";
    return Math.max(-low, high) < margin ? "equivalent" : "undecided";
  }

  function judged(phase, row) {
    if (row.status === "reference" || row.status === "one seed") return row;
    const [low, high] = data.levels[state.confidence]?.[phase][row.name] ?? row.interval;
    return { ...row, interval: [low, high], status: data.paired && low < high ? status(low, high, state.margin) : row.status };
  }

  const isAsComputed = () => state.confidence === data.confidence && state.margin === data.margin;
  const looks = { better: ["--green", "circle"], equivalent: ["--blue", "square"], worse: ["--vermilion", "triangle2"], reference: ["--ink", "plus"] };
  const look = (row) => looks[row.status] ?? ["--grey", "diamond"];
  const cells = [...document.querySelectorAll("td[data-phase]")].map((cell) => ({ cell, html: cell.innerHTML }));
  const bests = [...document.querySelectorAll("td[data-best]")].map((cell) => ({ cell, html: cell.innerHTML }));

  function updateTable() {
    const counts = {};
    for (const { cell, html } of cells) {
      const { phase } = cell.dataset;
      const found = data.forest[phase].rows.find((row) => row.name === cell.parentElement.dataset.name);
      if (!found || found.status === "reference" || found.status === "one seed") continue;
      const row = judged(phase, found);
      cell.innerHTML = html;
      if (!isAsComputed()) {
        const [low, high] = row.interval.map((end) => signed(end).replace("−", "-"));
        cell.querySelector("small").textContent = `(${low} ${word("to")} ${high})`;
        Object.assign(cell.querySelector("b"), { className: row.status, textContent: word(row.status) });
      }
      if (phase === "early") counts[row.status] = (counts[row.status] ?? 0) + 1;
    }
    const best = data.levels[state.confidence]?.best;
    for (const { cell, html } of bests) {
      const named = cell.parentElement.dataset.name;
      cell.innerHTML = isAsComputed() || !best ? html : best.includes(named) ? word("best") : "";
    }
    find("counts").textContent = Object.keys(counts).length ? `${word("Does it beat stopping early?")} ${Object.entries(counts).map(([name, count]) => `${word(name)} ${count}`).join(", ")}` : "";
  }

  // Drawing
  const variable = (name) => `var(${name})`;
  const asIs = (value) => ({ value, scale: null });
  const style = { background: "none", fontFamily: "inherit" };

  function element(tag, properties = {}, ...children) {
    const found = Object.assign(document.createElement(tag), properties);
    found.append(...children);
    return found;
  }

  function draw(target, label, options) {
    const svg = Plot.plot({ style, width: Math.max(280, target.clientWidth), ...options });
    const chart = svg.tagName === "svg" ? svg : svg.querySelector("svg");
    chart.querySelectorAll("[aria-label]").forEach((part) => part.removeAttribute("aria-label"));
    chart.setAttribute("role", "img");
    chart.setAttribute("aria-label", label);
    target.replaceChildren(svg);
  }

  function forest(phase) {
    const { rows, limits: [left, right], title } = data.forest[phase];
    const found = rows.map((row) => judged(phase, row));
    const inside = found.filter((row) => row.mean <= right);
    const beyond = found.filter((row) => row.mean > right);
    const colour = asIs((row) => variable(look(row)[0]));
    const value = (row) => (row.status === "reference" && data.paired ? "0" : data.paired ? signed(row.mean, 3) : number(row.mean, 3));
    const told = (row) => `${word(row.name)}\n${signed(row.mean)} (${signed(row.interval[0])} ${word("to")} ${signed(row.interval[1])})\n${word(row.status)}`;
    const longest = Math.max(...found.map((row) => row.name.length));
    draw(find(`forest-${phase}`), title, {
      height: 24 * found.length + 60, marginLeft: Math.min(190, 7 * longest + 16), marginRight: 58, marginBottom: 40,
      x: { domain: [left, right], label: data.paired ? word("← better · worse →") : word("log loss"), labelAnchor: "center", labelArrow: "none", grid: true, ticks: 4 },
      y: { domain: found.map((row) => row.name), label: null, tickSize: 0, type: "band", tickFormat: word },
      marks: [
        ...(data.paired ? [Plot.rect([state.margin], { x1: (m) => Math.max(-m, left), x2: (m) => Math.min(m, right), fill: variable("--line"), fillOpacity: 0.6 }), Plot.ruleX([0])] : []),
        Plot.link(inside, { x1: (row) => Math.max(row.interval[0], left), x2: (row) => Math.min(row.interval[1], right), y1: "name", y2: "name", stroke: colour, strokeWidth: 2 }),
        Plot.dot(inside, { x: "mean", y: "name", stroke: colour, fill: asIs((row) => (row.baseline ? variable("--paper") : variable(look(row)[0]))), symbol: (row) => look(row)[1], r: 4 }),
        Plot.text(beyond, { y: "name", frameAnchor: "right", text: () => "▶", dx: 8, fill: colour }),
        Plot.text(found, { y: "name", frameAnchor: "right", textAnchor: "start", dx: 14, text: value, fill: colour }),
        Plot.tip(inside, Plot.pointer({ x: "mean", y: "name", title: told })),
      ],
    });
  }

  function points(kind) {
    return state.variants.filter((name) => name in data.curves).flatMap((name) =>
      data.curves[name].epochs.map((epoch, index) => ({ name, epoch, loss: data.curves[name][kind][index], kind })));
  }

  function curves() {
    const all = ["training", "validation"].map(points);
    const [training, validation] = all;
    const losses = (state.close ? validation : all.flat()).map((point) => point.loss);
    const low = Math.min(...losses), high = state.close ? 1.15 * low : Math.max(...losses), room = 0.03 * (high - low);
    const stroke = asIs((point) => data.colours[point.name]);
    const curve = { x: "epoch", y: "loss", z: "name", stroke, clip: true };
    const stopped = all.flat().filter((point) => point.epoch === state.epoch);
    draw(find("curves-plot"), `${word("log loss")} / ${word("epoch")}`, {
      height: 380, marginLeft: 46, marginBottom: 36,
      x: { type: epochs.at(-1) > 200 ? "log" : "linear", domain: [1, Math.max(2, epochs.at(-1))], label: word("epoch") },
      y: { domain: losses.length ? [low - room, high + room] : [0, 1], label: word("log loss"), grid: true },
      marks: [
        Plot.line(training, { ...curve, strokeDasharray: "5 3", strokeOpacity: 0.8 }),
        Plot.line(validation, { ...curve, strokeWidth: 2 }),
        Plot.ruleX([state.epoch], { stroke: variable("--soft"), strokeDasharray: "2 3" }),
        Plot.dot(stopped, { x: "epoch", y: "loss", fill: stroke, r: 3.5, clip: true }),
        Plot.tip(all.flat(), Plot.pointer({ x: "epoch", y: "loss", title: (point) => `${point.name}\n${word("epoch")} ${point.epoch}\n${word(point.kind)} ${number(point.loss)}` })),
      ],
    });
    find("stopped").replaceChildren(...state.variants.filter((name) => name in data.curves).map(stoppedRow));
    find("epoch-now").textContent = state.epoch;
  }

  function stoppedRow(name) {
    const { epochs: own, training, validation } = data.curves[name];
    const last = own.findLastIndex((epoch) => epoch <= state.epoch);
    const swatch = element("span", { className: "swatch", style: `--colour: ${data.colours[name]}` });
    const values = [training[last], validation[last], validation[last] - training[last], validation[last] - Math.min(...validation)];
    return element("tr", {}, element("th", { scope: "row" }, swatch, name),
      ...values.map((value, place) => element("td", {}, place < 2 ? number(value) : signed(value))));
  }

  function calibration() {
    const rows = state.variants.filter((name) => name in data.calibration).flatMap((name) =>
      data.calibration[name][0].map((predicted, index) => ({ name, predicted, excess: data.calibration[name][1][index] })));
    const stroke = asIs((row) => data.colours[row.name]);
    draw(find("calibration-plot"), word("share of signal − probability"), {
      height: 320, marginLeft: 50, marginBottom: 36,
      x: { domain: [0, 1], label: word("predicted probability") },
      y: { label: word("share of signal − probability"), grid: true, tickFormat: (value) => signed(value, 2) },
      marks: [
        Plot.ruleY([0], { stroke: variable("--soft"), strokeDasharray: "4 3" }),
        Plot.line(rows, { x: "predicted", y: "excess", z: "name", stroke, strokeWidth: 1.5 }),
        Plot.dot(rows, { x: "predicted", y: "excess", fill: stroke, r: 2.5 }),
        Plot.tip(rows, Plot.pointer({ x: "predicted", y: "excess", title: (row) => `${row.name}\n${number(row.predicted, 3)}: ${signed(row.excess, 3)}` })),
      ],
    });
  }

  // Controls
  function switches(names) {
    const boxes = names.map((name) => {
      const box = element("input", { type: "checkbox", value: name, onchange: () => change({ variants: chosen(name, box.checked) }) });
      return element("label", { style: `--colour: ${data.colours[name]}` }, box, element("i"), name);
    });
    const all = (label, variants) => element("button", { type: "button", textContent: label, onclick: () => change({ variants }) });
    return element("fieldset", {}, element("legend", { textContent: word("variant") }), ...boxes, all(word("all"), Object.keys(data.colours)), all(word("none"), []));
  }

  const chosen = (name, isOn) => Object.keys(data.colours).filter((other) => (other === name ? isOn : state.variants.includes(other)));

  function showControls() {
    find("confidence").value = String(state.confidence);
    find("margin").value = state.margin;
    for (const box of document.querySelectorAll(".live input[type=checkbox][value]")) box.checked = box.id === "close" ? state.close : state.variants.includes(box.value);
    if (find("epoch")) find("epoch").value = epochs.indexOf(state.epoch);
  }

  function build() {
    document.documentElement.classList.add("with-script");
    for (const phase of Object.keys(data.forest)) find("forest-live").append(element("div", { className: "plot" }, element("h3", { textContent: data.forest[phase].title }), element("div", { id: `forest-${phase}` })));
    find("choices").hidden = !data.paired || !cells.length;
    if (trained.length) {
      const slider = element("input", { type: "range", id: "epoch", min: 0, max: epochs.length - 1, oninput: () => change({ epoch: epochs[slider.value] }) });
      const label = element("label", { htmlFor: "epoch" }, `${word("Stop after epoch")} `, element("output", { id: "epoch-now" }));
      const close = element("input", { type: "checkbox", id: "close", value: "close", onchange: () => change({ close: close.checked }) });
      const head = ["variant", "training", "validation", "gap", "above its best"].map((name) => element("th", { scope: "col", textContent: word(name) }));
      const table = element("table", { className: "numbers" }, element("thead", {}, element("tr", {}, ...head)), element("tbody", { id: "stopped" }));
      const scroll = element("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: word("Stop after epoch") }, table);
      find("curves-live").append(switches(trained), element("label", {}, close, word("zoom in on the lowest losses")),
        element("div", { className: "plot", id: "curves-plot" }), element("div", { className: "stop" }, label, slider), scroll);
    }
    find("calibration-live").append(switches(Object.keys(data.calibration)), element("div", { className: "plot", id: "calibration-plot" }));
    find("confidence").onchange = (event) => change({ confidence: Number(event.target.value) });
    find("margin").oninput = (event) => event.target.value !== "" && event.target.value >= 0 && change({ margin: Number(event.target.value) });
    find("reset").onclick = () => change({ confidence: data.confidence, margin: data.margin });
  }

  function redraw(keys) {
    if (keys.some((key) => ["confidence", "margin"].includes(key))) {
      updateTable();
      Object.keys(data.forest).forEach(forest);
    }
    if (trained.length && keys.some((key) => ["variants", "epoch", "close"].includes(key))) curves();
    if (keys.includes("variants")) calibration();
  }

  function change(values) {
    Object.assign(state, values);
    showControls();
    redraw(Object.keys(values));
    writeAddress();
  }

  // run.js lies beside the page if it was made here: the commit, and how long the trainings took
  function showRun() {
    if (!run.rows) return; // without the file, `run` is the section of that id
    for (const [name, value] of run.rows) {
      const row = document.querySelector(".how").insertRow();
      row.append(element("th", { scope: "row", textContent: word(name) }));
      row.insertCell().textContent = value;
    }
    if (run.commit) find("checkout").textContent = `git checkout ${run.commit}\n`;
  }

  showRun();
  build();
  const everything = Object.keys(state);
  readAddress();
  showControls();
  redraw(everything);
  find(location.hash.slice(1).split("&")[0])?.scrollIntoView();
  addEventListener("hashchange", () => {
    readAddress();
    showControls();
    redraw(everything);
    writeAddress();
    find(location.hash.slice(1).split("&")[0])?.scrollIntoView();
  });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) redraw(everything);
    width = innerWidth;
  });
  const fit = (size) => () => {
    document.body.style.maxWidth = size;
    redraw(everything);
  };
  addEventListener("beforeprint", fit("680px")); // the width of a sheet, so that text keeps its size
  addEventListener("afterprint", fit(""));
})();
