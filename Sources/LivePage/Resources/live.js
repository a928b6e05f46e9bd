"use strict";
(() => {
  const { enliven, follow, reveal, themeButton } = window.notebookPage;
  const get = (id) => document.getElementById(id);
  const all = (selector, scope = document) => [...scope.querySelectorAll(selector)];
  const make = (name, properties = {}, attributes = {}) => {
    const element = Object.assign(document.createElement(name), properties);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const drawn = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const isReadOnly = document.body.classList.contains("read-only");
  // The same bar stands above the lists of runs, changes and lineage.
  const isNotebook = document.body.dataset.view === "notebook";
  const viewTitle = document.title;
  // The token has done its work; it need not stay in the history.
  const address = new URL(location.href);
  if (address.searchParams.has("token")) {
    address.searchParams.delete("token");
    history.replaceState(null, "", address);
  }
  document.querySelector(".bar-buttons").append(themeButton);

  // Words and signs: never colour alone.
  const signs = {
    running: "▶", retrying: "↻", queued: "…", executed: "✓", cached: "↺", failed: "✗",
    blocked: "⊘", cancelled: "■", skipped: "–", fresh: "✓", stale: "◐", pending: "○",
  };
  const words = {
    fresh: "up to date", pending: "not run yet", executed: "executed",
  };
  const word = (state) => words[state] ?? state;
  const urgency = ["running", "retrying", "failed", "blocked", "cancelled", "queued", "stale",
    "pending", "executed", "cached", "fresh", "skipped"];
  const plural = (count, name) => `${count} ${name}${count === 1 ? "" : "s"}`;
  const duration = (seconds) => {
    if (!(seconds >= 0)) return "";
    if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
    if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
    const whole = Math.round(seconds);
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
    return `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`;
  };
  const number = (value) => {
    if (!Number.isFinite(value)) return String(value);
    if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
    return Number(value.toPrecision(4)).toString().replace("-", "−");
  };
  const bytes = (count) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (count >= 1024 && unit < 4) { count /= 1024; unit += 1; }
    return `${count < 10 && unit ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
  };
  const now = () => Date.now() / 1000;

  // What is known: the runs, the notebook, and what else stands in the bar.
  const runs = new Map();
  let notebook = { parts: [], stages: [], title: document.title };
  let problem = null;
  let refusal = null;
  let lastId = "";
  let connection = "connecting";
  const stages = new Map();
  const cells = new Map();
  const anchors = new Map();

  const keptLines = 200;
  const keptPoints = 400;
  class Curve {
    constructor(points = []) { this.points = points; this.stride = 1; this.seen = points.length; this.last = points.at(-1); }
    add(step, value) {
      this.last = [step, value];
      if (this.seen % this.stride === 0) this.points.push(this.last);
      this.seen += 1;
      if (this.points.length > keptPoints) {
        this.points = this.points.filter((_, index) => index % 2 === 0);
        this.stride *= 2;
      }
    }
    get shown() { return this.points.at(-1) === this.last ? this.points : [...this.points, this.last]; }
  }
  const takeStage = (json) => ({
    ...json, log: json.log ?? [], omitted: json.omitted ?? 0,
    curves: new Map(Object.entries(json.curves ?? {}).map(([name, points]) => [name, new Curve(points)])),
  });
  const takeRun = (json) => ({
    ...json, selected: new Set(json.selected),
    stages: new Map(Object.entries(json.stages).map(([name, stage]) => [name, takeStage(stage)])),
  });

  // The same as the server does, for what comes after its snapshot.
  const apply = (run, event) => {
    const name = event.instance;
    const stage = run.stages.get(name);
    switch (event.event) {
      case "began":
        run.began = event.at;
        run.selected = new Set(event.instances);
        announce(`Run started: ${plural(run.selected.size, "stage")}.`);
        break;
      case "started":
        run.stages.set(name, takeStage({ state: "running", attempt: event.attempt, why: event.why, started: event.at }));
        break;
      case "progress":
        if (stage) stage.progress = event;
        break;
      case "metric": {
        if (!stage || typeof event.value !== "number") break;
        if (!stage.curves.has(event.name)) {
          if (stage.curves.size >= 12) break;
          stage.curves.set(event.name, new Curve());
        }
        stage.curves.get(event.name).add(event.step, event.value);
        break;
      }
      case "line":
        if (!stage) break;
        stage.log.push(event.text.slice(0, 1000));
        if (stage.log.length > 2 * keptLines) {
          stage.log.splice(0, keptLines);
          stage.omitted += keptLines;
        }
        break;
      case "warning":
        run.warnings.push(name ? `${name}: ${event.message}` : event.message);
        if (run.warnings.length > 20) run.warnings.shift();
        break;
      case "retrying":
        if (stage) { stage.state = "retrying"; stage.message = event.message; }
        break;
      case "finished": {
        const done = stage ?? takeStage({});
        Object.assign(done, { state: event.outcome, why: event.why, seconds: event.seconds, code: event.code, message: event.message, progress: null });
        run.stages.set(name, done);
        if (event.outcome === "failed") announce(`${name} failed: ${event.message}`);
        break;
      }
      case "ended":
        run.status = event.status;
        run.ended = event.at ?? now();
        announce(run.status === "lost" ? "The run's process died." : `The run ${run.status}.`);
        break;
    }
    if (name) touch(name);
  };

  // Runs that go on, the newest first, and the one that ended last.
  const going = () => [...runs.values()].filter((run) => run.status === "running").reverse();
  const last = () => [...runs.values()].findLast((run) => run.status !== "running");
  const isRunning = () => going().length > 0;
  const isActive = (stage) => stage?.state === "running" || stage?.state === "retrying";

  // How an instance stands: by a run that goes on, else by the plan. Of several runs the one counts
  // that is at work on it, then one that will be, then the newest.
  const standing = (name) => {
    const known = stages.get(name);
    const wanting = going().filter((run) => run.selected.has(name));
    if (wanting.length) {
      const told = wanting.map((run) => run.stages.get(name));
      const stage = told.find(isActive) ?? (told.includes(undefined) ? undefined : told[0]);
      return stage ? { state: stage.state, stage } : { state: "queued" };
    }
    return { state: known?.state ?? "pending", stage: last()?.stages.get(name), known };
  };

  // MARK: Drawing, ten times a second at most

  let dirty = new Set();
  let isAllDirty = true;
  let isPlanned = false;
  let lastDrawn = 0;
  const touch = (name) => {
    dirty.add(name);
    plan();
  };
  const touchAll = () => {
    isAllDirty = true;
    plan();
  };
  const plan = () => {
    if (isPlanned) return;
    isPlanned = true;
    // Hidden tabs get no animation frames, yet their title should tell how the run goes.
    setTimeout(() => (document.hidden ? draw() : requestAnimationFrame(draw)), Math.max(0, 100 - (Date.now() - lastDrawn)));
  };
  const draw = () => {
    isPlanned = false;
    lastDrawn = Date.now();
    const touched = isAllDirty ? [...cells.keys()] : [...new Set([...dirty].map((name) => stages.get(name)?.cell))];
    dirty = new Set();
    isAllDirty = false;
    drawBar();
    if (document.hidden) { isAllDirty = true; return; }
    for (const cell of touched) if (cells.has(cell)) drawCell(cell);
    drawGraph(touched);
  };
  setInterval(() => {
    if (!isRunning()) return;
    drawBar();
    for (const run of going()) {
      for (const [name, stage] of run.stages) if (isActive(stage)) touch(name);
    }
  }, 1000);
  addEventListener("visibilitychange", () => {
    // A frame that was asked for before may not come while the tab is hidden.
    isPlanned = false;
    touchAll();
  });

  const badge = (state, text) => {
    const span = make("span", { className: `badge ${state}` });
    span.append(make("span", { textContent: signs[state] }, { "aria-hidden": "true" }), ` ${text}`);
    return span;
  };
  const counted = (names) => {
    const counts = new Map();
    for (const name of names) {
      const { state } = standing(name);
      counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    return urgency.filter((state) => counts.has(state)).map((state) => [state, counts.get(state)]);
  };

  // MARK: The bar

  const bar = {
    mark: get("bar-state").querySelector(".mark"), word: get("bar-state").querySelector(".word"),
    progress: get("bar-progress"), counts: get("bar-counts"), usage: get("bar-usage"),
  };
  const setText = (element, text) => { if (element.textContent !== text) element.textContent = text; };
  const drawBar = () => {
    const current = going();
    const names = current.length ? [...new Set(current.flatMap((run) => [...run.selected]))] : notebook.stages.map((stage) => stage.name);
    const counts = new Map(counted(names));
    const count = (...states) => states.reduce((sum, state) => sum + (counts.get(state) ?? 0), 0);
    let state = "fresh";
    let text;
    let detail = [];
    const wanted = count("stale", "pending", "failed");
    if (connection !== "open") {
      [state, text] = ["stale", connection === "lost" ? "connection lost" : "connecting"];
    } else if (current.length) {
      const done = names.length - count("running", "retrying", "queued");
      const began = Math.min(...current.map((run) => run.began ?? now()));
      [state, text] = ["running", `${current.length > 1 ? `${current.length} runs` : "running"} ${duration(now() - began)}`];
      bar.progress.value = names.length ? done / names.length : 0;
      detail = [`${done} of ${names.length} done`, count("running", "retrying") && `${count("running", "retrying")} running`,
        count("queued") && `${count("queued")} queued`, count("failed") && `${count("failed")} failed`];
    } else {
      const status = last()?.status;
      if (counts.get("failed")) [state, text] = ["failed", `${plural(counts.get("failed"), "stage")} failed`];
      else if (wanted) [state, text] = [count("stale") ? "stale" : "pending", `${plural(wanted, "stage")} to run`];
      else [state, text] = ["fresh", "up to date"];
      detail = [`${plural(names.length, "stage")}`, counts.get("failed") && wanted > counts.get("failed") && `${wanted - counts.get("failed")} to run`,
        status === "interrupted" && "last run was cancelled", status === "lost" && "last run died"];
    }
    bar.progress.hidden = !current.length;
    setText(bar.mark, signs[state]);
    setText(bar.word, text);
    get("bar-state").className = `bar-state badge ${state}`;
    const words = detail.filter(Boolean).join(" · ");
    setText(bar.counts, words);
    bar.counts.title = words;
    const used = current.map((run) => run.usage).filter(Boolean);
    const cores = used.filter(({ cpus }) => cpus !== null).reduce((sum, { cpus }) => sum + cpus, 0);
    setText(bar.usage, used.length ? `${cores.toFixed(1)} cores · ${bytes(used.reduce((sum, { memory }) => sum + memory, 0))}` : "");
    const title = isNotebook ? notebook.title : document.body.dataset.title ?? viewTitle;
    document.title = current.length ? `▶ ${detail[0]} – ${title}` : `${state === "fresh" ? "" : `${signs[state]} `}${title}`;
    if (!isReadOnly) {
      get("cancel").hidden = !current.length;
      setText(get("cancel"), current.length > 1 ? "Cancel all" : "Cancel");
      get("run-all").hidden = current.length > 0;
      get("run-all").disabled = connection !== "open" || problem !== null || wanted === 0;
      get("parameters").hidden = !notebook.hasParameters;
    }
    drawRuns(current);
    drawBanner();
  };

  // Where several runs go on, each has a line of its own.
  const runLines = new Map();
  const drawRuns = (current) => {
    const list = get("bar-runs");
    list.hidden = current.length < 2;
    const shown = list.hidden ? [] : current;
    for (const [id, line] of runLines) {
      if (!shown.some((run) => run.run === id)) { line.root.remove(); runLines.delete(id); }
    }
    for (const run of shown) {
      let line = runLines.get(run.run);
      if (!line) {
        line = { root: make("li"), words: make("span") };
        line.root.append(make("code", { textContent: run.run }), line.words);
        if (!isReadOnly) {
          const button = make("button", { type: "button", textContent: "Cancel" }, { "aria-label": `Cancel run ${run.run}` });
          button.addEventListener("click", () => post("/cancel", { run: run.run }));
          line.root.append(button);
        }
        runLines.set(run.run, line);
        list.append(line.root);
      }
      const told = [...run.selected].map((name) => run.stages.get(name));
      const active = told.filter(isActive).length;
      const names = [...run.stages].filter(([, stage]) => isActive(stage)).map(([name]) => name);
      setText(line.words, [`${told.filter((stage) => stage && !isActive(stage)).length} of ${told.length} done`,
        active > 0 && `at ${names.slice(0, 3).join(", ")}${names.length > 3 ? ` and ${names.length - 3} more` : ""}`].filter(Boolean).join(" · "));
    }
  };
  const drawBanner = () => {
    const parts = [];
    if (connection === "lost") parts.push("The server does not answer. Trying again…");
    if (connection === "refused") parts.push("The server was started anew. Open the address that it printed.");
    if (problem) parts.push(problem);
    if (refusal) parts.push(refusal);
    for (const run of [...going(), last()]) {
      if (run?.status === "running" || run?.status === "lost") parts.push(...run.warnings.slice(-3));
    }
    const text = parts.join("\n\n");
    const banner = get("banner");
    banner.hidden = !text;
    setText(banner, text);
  };
  const announce = (text) => { get("announcer").textContent = text; };

  // MARK: The graph

  const drawGraph = (touched) => {
    const isTouched = new Set(touched);
    for (const link of all(".part[data-key=pipeline] .graph a")) {
      const names = anchors.get(decodeURIComponent(link.getAttribute("href").slice(1))) ?? [];
      if (!names.length || !isTouched.has(stages.get(names[0])?.cell)) continue;
      const counts = counted(names);
      const state = counts[0]?.[0] ?? "pending";
      const words = names.length === 1 ? word(state) : counts.map(([key, count]) => `${count} ${word(key)}`).join(", ");
      link.setAttribute("class", state);
      const name = names.length === 1 ? names[0] : stages.get(names[0]).cell;
      link.setAttribute("aria-label", `${name}: ${words}`);
      const title = link.querySelector("title");
      if (title) setText(title, `${name}: ${words}`);
      const mark = link.querySelector(".mark");
      if (mark) setText(mark, signs[state]);
    }
  };

  // MARK: Cells

  const cellParts = new Map();
  const decorate = (part) => {
    enliven(part);
    all("figure.deferred", part).forEach((figure) => figures.observe(figure));
    const key = part.dataset.key;
    if (!key.startsWith("stage:")) return;
    const cell = key.slice(6);
    const section = part.querySelector("section.stage");
    const outcome = section?.querySelector("header .outcome");
    if (!outcome) return;
    const area = make("div", { className: "live-area" });
    section.querySelector("header").after(area);
    const why = make("p", { className: "live-why", hidden: true });
    area.before(why);
    const tools = make("span", { className: "tools" }, { role: "group", "aria-label": `Actions for ${cell}` });
    if (!isReadOnly) {
      const tool = (action, text, label, act) => {
        const button = make("button", { type: "button", textContent: text }, { "aria-label": label, title: label, "data-action": action });
        button.addEventListener("click", act);
        tools.append(button);
      };
      tool("run", "Run", `Run ${cell} and what it needs`, () => post("/run", { only: [cell] }));
      tool("force", "Force", `Run ${cell} again though its result is known`, () => post("/run", { only: [cell], force: [cell] }));
      tool("parameters", "Parameters", `Parameters of ${cell}`, () => openForm(cell));
    }
    tools.append(make("a", { href: `/lineage?of=${encodeURIComponent(cell)}`, textContent: "Lineage" }, { "aria-label": `Lineage of ${cell}` }));
    section.querySelector("header").append(tools);
    // What is named under a figure or table leads to where it comes from.
    for (const name of all(":is(figure, .table-frame + .aside) code", section)) nameArtifact(name);
    cellParts.set(cell, { section, outcome, area, why, tools, blocks: new Map() });
  };

  const nameArtifact = (code) => {
    if (code.closest("a") || !code.closest(".lineage, .aside > span")) return;
    const link = make("a", { href: `/lineage?of=${encodeURIComponent(code.textContent)}`, title: "What made it, and what used it" });
    code.replaceWith(link);
    link.append(code);
  };

  const shownInstances = 6;
  const drawCell = (cell) => {
    const parts = cellParts.get(cell);
    if (!parts) return;
    const names = cells.get(cell);
    const counts = counted(names);
    const state = counts[0]?.[0] ?? "pending";
    let text;
    if (names.length === 1) {
      const { stage, known } = standing(names[0]);
      text = word(state);
      if (state === "running" && stage.started) text += ` ${duration(now() - stage.started)}`;
      else if (state === "executed" || (state === "failed" && isRunning())) text += ` ${duration(stage?.seconds)}`;
      else if (state === "fresh" && known?.seconds) text += `, took ${duration(known.seconds)}`;
      if (stage?.attempt > 1 && state === "running") text += `, attempt ${stage.attempt}`;
    } else {
      text = counts.map(([key, count]) => `${count} ${word(key)}`).join(", ");
    }
    if (parts.outcome.textContent !== `${signs[state]} ${text}`) parts.outcome.replaceChildren(badge(state, text));
    if (parts.section.dataset.state !== state) parts.section.dataset.state = state;
    const reasons = names.map((name) => stages.get(name)).filter((known) => known && ["stale", "pending", "blocked"].includes(known.state));
    const reason = !isRunning() && state !== "pending" && reasons.length ? reasons[0].why : "";
    parts.why.hidden = !reason;
    setText(parts.why, reason && (reasons.length > 1 ? `${reasons.length} instances: ${reason}` : reason));
    drawBlocks(parts, names);
  };

  // Which instances are worth a place: what runs, what failed, what has curves.
  const drawBlocks = (parts, names) => {
    const ranked = [];
    for (const name of names) {
      const { state, stage } = standing(name);
      if (!stage) continue;
      const hasFailed = stage.state === "failed" && (isRunning() || state === "failed");
      const rank = isActive({ state }) ? 0 : hasFailed ? 1 : stage.curves.size ? 2 : 3;
      if (rank < 3) ranked.push({ name, rank, stage });
    }
    ranked.sort((one, other) => one.rank - other.rank);
    const shown = ranked.slice(0, shownInstances);
    const wanted = new Set(shown.map(({ name }) => name));
    for (const [name, block] of parts.blocks) {
      if (!wanted.has(name)) { block.root.remove(); parts.blocks.delete(name); }
    }
    for (const { name, rank, stage } of shown) {
      let block = parts.blocks.get(name);
      if (!block) {
        block = makeBlock(name, names.length > 1);
        parts.blocks.set(name, block);
        parts.area.append(block.root);
      }
      drawBlock(block, stage, rank);
    }
  };
  const makeBlock = (name, isNamed) => {
    const root = make("div", { className: "live-instance" }, { role: "group", "aria-label": `${name}, live` });
    const head = make("p", { className: "live-head" });
    const label = make("code", { textContent: name, hidden: !isNamed });
    const words = make("span");
    head.append(label, words);
    const progress = make("progress", { max: 1, hidden: true }, { "aria-label": `Progress of ${name}` });
    const curves = make("div", { className: "curves" });
    const log = make("details", { className: "live-log", hidden: true });
    const summary = make("summary", { textContent: "Log" });
    const text = make("pre", { className: "log", tabIndex: 0 }, { role: "log", "aria-live": "off", "aria-label": `Log of ${name}` });
    log.append(summary, text);
    log.addEventListener("toggle", () => { if (log.open) touch(name); });
    root.append(head, progress, curves, log);
    return { name, root, words, progress, curves, log, summary, text, charts: new Map(), lines: -1 };
  };
  const drawBlock = (block, stage, rank) => {
    const progress = stage.progress;
    const isAtWork = rank === 0;
    let text = "";
    if (isAtWork && progress) {
      text = progress.total > 0 ? `${progress.done} of ${progress.total} ${progress.unit}` : `${progress.done} ${progress.unit}`;
      if (progress.message) text += ` · ${progress.message}`;
    } else if (stage.state === "retrying") text = `trying again: ${stage.message}`;
    else if (stage.state === "failed") text = `${stage.code ?? ""} ${stage.message ?? ""}`;
    else if (isAtWork) text = stage.why;
    setText(block.words, text);
    block.progress.hidden = !isAtWork;
    if (isAtWork) {
      if (progress?.total > 0) block.progress.value = Math.min(1, progress.done / progress.total);
      else block.progress.removeAttribute("value");
    }
    for (const [metric, curve] of stage.curves) {
      let chart = block.charts.get(metric);
      if (!chart) {
        chart = makeChart(metric, block.name);
        block.charts.set(metric, chart);
        block.curves.append(chart.root);
      }
      drawChart(chart, curve);
    }
    const lines = stage.omitted + stage.log.length;
    block.log.hidden = lines === 0 || rank === 2;
    if (block.lines === -1 && lines > 0) { block.log.open = true; }
    if (lines === block.lines || !block.log.open) return;
    block.lines = lines;
    setText(block.summary, lines > keptLines ? `Log, the last ${keptLines} of ${lines} lines` : "Log");
    const isAtEnd = block.text.scrollTop + block.text.clientHeight >= block.text.scrollHeight - 8;
    block.text.textContent = stage.log.slice(-keptLines).join("\n");
    if (isAtEnd) block.text.scrollTop = block.text.scrollHeight;
  };

  // MARK: Curves

  const chartWidth = 300;
  const chartHeight = 96;
  // Left of the axis stand its numbers.
  const chartLeft = 52;
  const makeChart = (metric, name) => {
    const root = make("figure", { className: "curve" });
    const caption = make("figcaption");
    const label = make("span", { textContent: metric });
    const value = make("b");
    caption.append(label, value);
    const svg = drawn("svg", { viewBox: `0 0 ${chartWidth} ${chartHeight}`, role: "img" });
    const line = drawn("polyline", { class: "curve-line" });
    const dot = drawn("circle", { class: "curve-dot", r: 3 });
    const texts = ["top", "bottom", "start", "end"].map((place) => drawn("text", { class: `curve-${place}` }));
    const axis = drawn("path", { class: "curve-axis", d: `M${chartLeft} 6V${chartHeight - 16}H${chartWidth - 4}` });
    svg.append(axis, line, dot, ...texts);
    root.append(caption, svg);
    return { root, svg, line, dot, texts, value, metric, name, seen: -1 };
  };
  const drawChart = (chart, curve) => {
    if (chart.seen === curve.seen || !curve.last) return;
    chart.seen = curve.seen;
    const points = curve.shown.filter(([, value]) => Number.isFinite(value));
    if (!points.length) return;
    let [low, high] = [Infinity, -Infinity];
    for (const [, value] of points) { low = Math.min(low, value); high = Math.max(high, value); }
    const [first, last] = [points[0], points.at(-1)];
    const x = (step) => chartLeft + 1 + (chartWidth - chartLeft - 9) * (last[0] > first[0] ? (step - first[0]) / (last[0] - first[0]) : 1);
    const y = (value) => chartHeight - 18 - (chartHeight - 26) * (high > low ? (value - low) / (high - low) : 0.5);
    chart.line.setAttribute("points", points.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" "));
    chart.dot.setAttribute("cx", x(last[0]));
    chart.dot.setAttribute("cy", y(last[1]));
    const places = [[chartLeft - 5, 12, number(high)], [chartLeft - 5, chartHeight - 18, number(low)], [chartLeft, chartHeight - 3, number(first[0])], [chartWidth - 4, chartHeight - 3, number(last[0])]];
    places.forEach(([left, top, text], index) => {
      const element = chart.texts[index];
      element.setAttribute("x", left);
      element.setAttribute("y", top);
      setText(element, text);
    });
    chart.texts[1].style.display = high > low ? "" : "none";
    setText(chart.value, number(last[1]));
    chart.svg.setAttribute("aria-label", `${chart.metric} of ${chart.name}: ${number(last[1])} at step ${last[0]}, between ${number(low)} and ${number(high)}`);
  };

  // MARK: Parts of the notebook

  const loaded = new Map();
  const load = (path) => {
    if (!loaded.has(path)) {
      loaded.set(path, new Promise((resolve) => {
        const element = path.endsWith(".css") ? make("link", { rel: "stylesheet", href: path }) : make("script", { src: path });
        element.addEventListener("load", () => resolve(true));
        element.addEventListener("error", () => resolve(false));
        document.head.append(element);
      }));
    }
    return loaded.get(path);
  };
  // Libraries come when something on the page needs them.
  const equip = async () => {
    if (document.querySelector(".math:not(.drawn)")) {
      if (await Promise.all([load("/katex.js"), load("/katex.css")])) enlivenTexts();
    }
    if (document.querySelector("pre code[class*='language-']:not(.hljs)") && await load("/highlight.js")) enlivenTexts();
  };
  const enlivenTexts = () => all(".part").forEach((part) => { notebookPage.typeset(part); notebookPage.highlight(part); });

  const figures = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) drawFigure(target);
  }, { rootMargin: "400px" });
  const drawFigure = async (figure) => {
    figures.unobserve(figure);
    const query = new URLSearchParams({ digest: figure.dataset.digest, name: figure.dataset.name, id: figure.id });
    const response = await fetch(`/figure?${query}`).catch(() => null);
    if (!response?.ok) {
      setTimeout(() => { if (figure.isConnected) figures.observe(figure); }, 3000);
      return;
    }
    const template = make("template", { innerHTML: await response.text() });
    const fresh = template.content.firstElementChild;
    fresh.dataset.digest = figure.dataset.digest;
    fresh.dataset.name = figure.dataset.name;
    figure.replaceWith(fresh);
    all("code", fresh).forEach(nameArtifact);
    if (fresh.classList.contains("interactive") && await load("/vega.js") && fresh.isConnected) notebookPage.wakeSoon(fresh);
  };
  // Paper has no view that a figure could come into.
  addEventListener("keydown", async (event) => {
    const deferred = all("figure.deferred");
    if (event.key !== "p" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || !deferred.length) return;
    event.preventDefault();
    announce("Drawing the figures for printing.");
    await Promise.all(deferred.map(drawFigure));
    print();
  });

  const replacePart = (old, html, key, version) => {
    const part = make("div", { className: "part", innerHTML: html });
    part.dataset.key = key;
    part.dataset.version = version;
    if (!old) { decorate(part); return part; }
    // What the reader has opened, chosen or focused stays so; drawn figures need no second drawing.
    const isOpen = all("details", old).map((details) => [details.querySelector("summary")?.textContent, details.open]);
    const chosen = all(".tabs [aria-selected=true]", old).map((tab) => tab.id);
    const focused = old.contains(document.activeElement) ? document.activeElement.dataset.action : null;
    const drawings = new Map(all("figure[data-digest]:not(.deferred)", old).map((figure) => [`${figure.dataset.digest} ${figure.id}`, figure]));
    for (const figure of all("figure.deferred", part)) {
      const known = drawings.get(`${figure.dataset.digest} ${figure.id}`);
      if (known) figure.replaceWith(known);
    }
    old.replaceWith(part);
    decorate(part);
    for (const [summary, open] of isOpen) {
      if (!open) continue;
      const details = all("details", part).find((one) => one.querySelector("summary")?.textContent === summary);
      if (details) details.open = true;
    }
    for (const id of chosen) part.querySelector(`.panel[id="${CSS.escape(id.replace(/-tab$/, ""))}"]`)?.dispatchEvent(new Event("choose"));
    if (focused) part.querySelector(`[data-action="${focused}"]`)?.focus();
    return part;
  };
  let isReconciling = false;
  const reconcile = async () => {
    if (isReconciling || !isNotebook) return;
    isReconciling = true;
    try {
      let seen = null;
      while (seen !== notebook) {
        seen = notebook;
        const known = new Map(all(".part").map((part) => [part.dataset.key, part]));
        const missing = seen.parts.filter(([key, version]) => known.get(key)?.dataset.version !== version).map(([key]) => key);
        let found = {};
        if (missing.length) {
          const query = missing.length > 60 ? "" : `?keys=${missing.map((key) => encodeURIComponent(encodeURIComponent(key))).join(",")}`;
          const response = await fetch(`/parts${query}`);
          if (!response.ok) return;
          found = await response.json();
        }
        const main = get("content");
        const wanted = new Set(missing);
        let place = null;
        for (const [key] of seen.parts) {
          let part = known.get(key);
          if (wanted.has(key) && found[key]) {
            part = replacePart(part, found[key].html, key, found[key].version);
          }
          if (!part) continue;
          known.delete(key);
          const next = place ? place.nextElementSibling : main.firstElementChild;
          if (next !== part) main.insertBefore(part, next);
          place = part;
        }
        for (const part of known.values()) part.remove();
      }
      follow();
      touchAll();
      equip();
    } catch { /* The server is gone; the next connection brings the notebook again. */ } finally { isReconciling = false; }
  };
  const takeNotebook = (json) => {
    if (!json) return;
    notebook = json;
    stages.clear();
    cells.clear();
    anchors.clear();
    for (const stage of notebook.stages) {
      stages.set(stage.name, stage);
      if (!cells.has(stage.cell)) cells.set(stage.cell, []);
      cells.get(stage.cell).push(stage.name);
      if (!anchors.has(stage.anchor)) anchors.set(stage.anchor, []);
      anchors.get(stage.anchor).push(stage.name);
    }
    for (const [cell, names] of cells) {
      const anchor = document.querySelector(`.part[data-key="stage:${CSS.escape(cell)}"] section`)?.id;
      if (anchor) anchors.set(anchor, names);
    }
    reconcile();
  };

  // MARK: Events

  const receive = {
    state: (json) => {
      runs.clear();
      for (const run of json.runs) runs.set(run.run, takeRun(run));
      ({ problem, refusal } = json);
      takeNotebook(json.notebook);
      touchAll();
    },
    run: (json) => {
      runs.set(json.run, takeRun(json));
      refusal = null;
      announce("Run started.");
      touchAll();
    },
    events: (json) => {
      const run = runs.get(json.run);
      if (!run) return;
      for (const event of json.events) apply(run, event);
      if (json.events.some((event) => event.event === "began" || event.event === "ended")) touchAll();
    },
    // The run's process is gone; of those that are over, the last one is kept.
    over: (id) => {
      for (const [name, run] of runs) if (run.status !== "running" && name !== id) runs.delete(name);
      dispatchEvent(new CustomEvent("run-over", { detail: id }));
      touchAll();
    },
    notebook: (json) => { problem = null; takeNotebook(json); },
    problem: (json) => { problem = json; touchAll(); },
    usage: (json) => {
      const run = runs.get(json.run);
      if (run) run.usage = json.usage;
      plan();
    },
    refusal: (json) => { refusal = json; touchAll(); },
  };
  const parsed = (id) => { const [epoch, count] = id.split("-"); return [epoch, Number(count)]; };

  // One tab holds the stream and hands it on: browsers open six connections to a server at most.
  const channel = new BroadcastChannel("pipeline-live");
  let isLeader = false;
  let isSyncing = false;
  let waiting = [];
  const take = (type, id, data) => {
    if (isSyncing) { waiting.push([type, id, data]); return; }
    const [epoch, count] = parsed(id);
    const [knownEpoch, known] = parsed(lastId);
    if (type !== "state" && epoch === knownEpoch && count <= known) return;
    if (type !== "state" && (epoch !== knownEpoch || count !== known + 1)) { waiting.push([type, id, data]); sync(); return; }
    lastId = id;
    connection = "open";
    receive[type](JSON.parse(data));
  };
  const sync = async () => {
    if (isSyncing) return;
    isSyncing = true;
    let state = null;
    while (!state) {
      const response = await fetch("/state").catch(() => null);
      if (response?.status === 401) { connection = "refused"; drawBar(); isSyncing = false; return; }
      if (response?.ok) state = await response.json().catch(() => null);
      if (!state) {
        connection = "lost";
        drawBar();
        await new Promise((resolve) => { setTimeout(resolve, 1000); });
      }
    }
    isSyncing = false;
    lastId = state.id;
    connection = "open";
    receive.state(state);
    const missed = waiting;
    waiting = [];
    for (const message of missed) take(...message);
  };
  channel.addEventListener("message", ({ data }) => {
    if (isLeader) return;
    if (data.connection) { connection = data.connection; drawBar(); } else take(data.type, data.id, data.text);
  });
  const lead = () => {
    isLeader = true;
    const source = new EventSource(`/events?after=${encodeURIComponent(lastId)}`);
    for (const type of Object.keys(receive)) {
      source.addEventListener(type, ({ lastEventId, data }) => {
        channel.postMessage({ type, id: lastEventId, text: data });
        take(type, lastEventId, data);
      });
    }
    const tell = (state) => {
      connection = state;
      channel.postMessage({ connection });
      drawBar();
    };
    source.addEventListener("open", () => tell("open"));
    source.addEventListener("error", async () => {
      tell("lost");
      if (source.readyState !== EventSource.CLOSED) return;
      // The server answered, but not with events: it does not know this page.
      source.close();
      const response = await fetch("/state").catch(() => null);
      if (response?.status === 401) tell("refused"); else setTimeout(lead, 1000);
    });
  };

  // MARK: Actions

  const post = async (path, body) => {
    const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })
      .catch(() => null);
    const text = response?.ok ? (await response.json()).refusal
      : response ? await response.text() : "The server does not answer.";
    if (!text) { refusal = null; touchAll(); return null; }
    if (path !== "/parameters") { refusal = text.trim(); touchAll(); }
    return text.trim();
  };
  if (!isReadOnly) {
    get("run-all").addEventListener("click", () => post("/run", {}));
    get("cancel").addEventListener("click", () => post("/cancel", {}));
    get("parameters").addEventListener("click", () => openForm(null));
  }

  // A form for the parameters of a cell, or of the pipeline where there is no cell.
  const dialog = get("form");
  const fallen = (field) => {
    const text = field.canUnset ? field.fallback : field.default;
    return text === undefined ? "not set" : `default: ${text}`;
  };
  const control = (field, id) => {
    const properties = { id, disabled: Boolean(field.obstacle), required: Boolean(field.required) };
    if (field.kind === "choice" || field.kind === "boolean") {
      const select = make("select", properties);
      const choices = field.kind === "boolean" ? ["true", "false"] : field.choices;
      if (field.isSet === false || field.canUnset) select.append(new Option(fallen(field), ""));
      for (const choice of choices) select.append(new Option(choice, choice));
      if (field.text !== "" && !choices.includes(field.text)) select.append(new Option(field.text, field.text));
      select.value = field.text;
      // The empty choice is the default itself.
      return { input: select, isUnset: () => Boolean(field.canUnset) && select.value === "" };
    }
    const isLong = field.kind === "yaml" || field.text.length > 60 || field.text.includes("\n");
    const input = make(isLong ? "textarea" : "input", { ...properties, value: field.text, autocomplete: "off", spellcheck: false });
    if (isLong) input.rows = Math.min(12, Math.max(2, Math.ceil(field.text.length / 60)));
    else if (field.kind === "integer") input.inputMode = "numeric";
    else if (field.kind === "number") input.inputMode = "decimal";
    if (field.isSet === false || field.canUnset) input.placeholder = fallen(field);
    if (!field.canUnset || field.obstacle) return { input, isUnset: () => false };
    // A text may be empty on purpose, so that the default has a button of its own.
    let typed = null;
    const button = make("button", { type: "button", className: "unset", textContent: field.fallback === undefined ? "Unset" : "Default" },
      { "aria-pressed": "false", "aria-label": `${field.label}: ${fallen(field)}`, title: `Take it out of the file: ${fallen(field)}` });
    button.addEventListener("click", () => {
      if (typed === null) { typed = input.value; input.value = ""; } else { input.value = typed; typed = null; }
      input.disabled = typed !== null;
      button.setAttribute("aria-pressed", String(typed !== null));
    });
    return { input, button, isUnset: () => typed !== null };
  };
  const limits = (field) => {
    const { minimum: low, maximum: high } = field;
    if (low !== undefined && high !== undefined) return `From ${number(low)} to ${number(high)}.`;
    if (low !== undefined) return `At least ${number(low)}.`;
    return high === undefined ? "" : `At most ${number(high)}.`;
  };
  const openForm = async (cell) => {
    const response = await fetch(`/parameters${cell === null ? "" : `?cell=${encodeURIComponent(cell)}`}`).catch(() => null);
    const answer = response?.ok ? await response.json() : { refusal: "The server does not answer." };
    if (answer.refusal) { refusal = answer.refusal; touchAll(); return; }
    const { title, fields } = answer;
    const form = make("form", { method: "dialog" });
    form.append(make("h2", { id: "form-title", textContent: title }));
    form.append(make("p", { className: "aside", textContent: fields.length ? `Changes are written into ${notebook.file} and what it includes; comments and layout stay.` : "There are none." }));
    const controls = fields.map((field, index) => {
      const id = `field-${index}`;
      const row = make("div", { className: "field" });
      const made = control(field, id);
      const { input, button } = made;
      const doc = field.doc?.replace(/([^.!?:])$/, "$1.");
      const words = [doc, field.unit && `In ${field.unit}.`, limits(field), field.note, field.obstacle].filter(Boolean).join(" ");
      const place = make("span", { className: "control" });
      place.append(input, ...(button ? [button] : []));
      row.append(make("label", { htmlFor: id, textContent: field.label }), place);
      if (words) {
        row.append(make("small", { id: `${id}-words`, textContent: words }));
        input.setAttribute("aria-describedby", `${id}-words`);
      }
      form.append(row);
      return made;
    });
    const trouble = make("div", { className: "form-problem" }, { role: "alert" });
    const buttons = make("div", { className: "form-buttons" });
    const close = make("button", { type: "button", className: "close", textContent: "Close" });
    close.addEventListener("click", () => dialog.close());
    const save = make("button", { type: "submit", textContent: "Save", className: "primary save", hidden: !fields.length });
    const saveAndRun = make("button", { type: "button", className: "save-and-run", textContent: cell === null ? "Save and run" : `Save and run ${cell}`, hidden: !fields.length });
    const submit = async (wish) => {
      if (!form.reportValidity()) return;
      const changes = fields.map((field, index) => {
        const { input, isUnset } = controls[index];
        const change = { target: field.target, was: field.text };
        if (isUnset()) return { ...change, unset: true };
        return input.value === field.text ? null : { ...change, text: input.value };
      }).filter(Boolean);
      trouble.textContent = "";
      const wrong = changes.length ? await post("/parameters", { changes }) : null;
      if (wrong) { trouble.textContent = wrong; return; }
      dialog.close();
      if (changes.length) announce("The parameters are saved.");
      if (wish) post("/run", wish);
    };
    form.addEventListener("submit", (event) => { event.preventDefault(); submit(null); });
    saveAndRun.addEventListener("click", () => submit(cell === null ? {} : { only: [cell] }));
    buttons.append(close, saveAndRun, save);
    form.append(trouble, buttons);
    dialog.replaceChildren(form);
    dialog.showModal();
  };

  const top = (section) => section.getBoundingClientRect().top;
  const line = () => get("bar").offsetHeight + 24;
  const goTo = (section) => {
    if (!section) return;
    section.tabIndex = -1;
    section.focus({ preventScroll: true });
    section.scrollIntoView({ block: "start", behavior: "instant" });
  };
  // What the bar speaks of is a click away, in a notebook of any length: one stage after the other.
  const goToNext = () => {
    if (!isNotebook) { location.href = "/"; return; }
    const wanted = isRunning() ? ["running", "retrying"] : ["failed", "stale", "pending"];
    const sections = [...cellParts].filter(([cell]) => cells.get(cell)?.some((name) => wanted.includes(standing(name).state)))
      .map(([, { section }]) => section).sort((one, other) => top(one) - top(other));
    goTo(sections.find((section) => top(section) > line() + 4) ?? sections[0]);
  };
  get("bar-state").addEventListener("click", goToNext);
  // From cell to cell by j and k, as in other notebooks; by n to the next that runs or is to run.
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
    if (event.key === "n") goToNext();
    if (event.key !== "j" && event.key !== "k") return;
    const sections = all(".part > section.stage, .part > section.claim");
    goTo(event.key === "j" ? sections.find((section) => top(section) > line() + 4) : sections.findLast((section) => top(section) < line() - 4));
  });

  addEventListener("view-shown", drawBar);

  // MARK: Start

  all(".part").forEach(decorate);
  drawBar();
  sync().then(() => {
    if (!navigator.locks) { lead(); return; }
    navigator.locks.request("pipeline-live", () => new Promise(() => lead()));
  });
  if (isNotebook) reveal();
})();
