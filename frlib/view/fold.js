/* A cloud while its network is fine-tuned: points and the unit vectors of an attribute in one plane, epoch by epoch,
 * and the energy of that field beside them.
 *
 * State, from frlib.view.fold: runs (see `_run` there), attributes [{name, label, tone}], count (points), metric,
 * epsilon (the scale of the energies), run, attribute (names), epoch, title, description.
 */

const FOLD_STYLE = `
.frw .frw-fold { cursor: default; }
.frw-ghost, .frw-bar { fill: var(--frw-soft); }
.frw-ghost { opacity: 0.5; }
.frw-trails { stroke: var(--frw-soft); stroke-width: 0.8; opacity: 0.5; fill: none; }
.frw-arrows { fill: none; stroke: var(--tone); stroke-width: 1.7; stroke-linecap: round; stroke-linejoin: round; }
.frw-dots circle { fill: var(--tone); stroke: var(--frw-fill); stroke-width: 1; }
.frw-epochs { cursor: ew-resize; touch-action: pan-y; }
.frw-grid { stroke: var(--frw-line); }
.frw-orthogonal { stroke: var(--frw-soft); stroke-dasharray: 3 4; }
.frw-now { stroke: var(--frw-ink); stroke-width: 1.2; }
.frw-energy, .frw-displacement { fill: none; stroke-linejoin: round; stroke: var(--tone); stroke-width: 3; }
.frw-displacement { stroke: var(--frw-soft); stroke-width: 1.6; stroke-dasharray: 6 3; }
.frw-spot { fill: var(--tone); stroke: var(--frw-page); stroke-width: 1.5; }
.frw-spot.frw-thin { fill: var(--frw-soft); }
.frw .frw-panel > .frw-said { color: var(--frw-ink); font-size: 0.92rem; font-variant-numeric: tabular-nums;
  margin: 0.6rem 0 0; min-height: 4.4em; }
.frw-run { display: flex; gap: 0.9rem; align-items: end; flex: 1 1 17rem; min-width: 0; }
.frw-run button { min-width: 4.6rem; flex: none; }
.frw .frw-run input { height: 2.25rem; }
`;

const FOLD_BOX = { left: 32, right: 14, top: 14, bottom: 34 };
const FOLD_STEP = 900; /* ms an epoch is shown while playing */
const FOLD_GLIDE = 450; /* ms from one epoch to the next */

/* ------------------------------------------------------------------------------------------------------- the maths */

/* Points and field of an attribute in the map's own units, with one factor and one origin for all epochs. */
function openField(packed, count, missing) {
  const starts = unpack(packed.starts),
    positions = unpack(packed.moves).map((move, k) => starts[k % starts.length] + move),
    vectors = unpack(packed.arrows),
    reach = Math.max(14, Math.min(42, 250 / Math.sqrt(count))),
    [x, y] = [0, 1].map((axis) => {
      const of = (values) => values.filter((_, k) => k % 2 === axis);
      const [low, high] = endsOf(of(positions)),
        [back, ahead] = endsOf(of(vectors)).map((end) => reach * end);
      return { low, high, before: Math.max(0, -back), after: Math.max(0, ahead) };
    });
  const { left, right, top, bottom } = FOLD_BOX,
    fit = (side, { low, high, before, after }) => (side - before - after) / Math.max(high - low, 1e-12),
    unit = Math.min(fit(MAP_SIDE - left - right, x), fit(MAP_SIDE - top - bottom, y));
  const middle = ({ low, high, before, after }) => (low + high) / 2 + (after - before) / (2 * unit),
    places = positions.map((value, k) =>
      k % 2
        ? (top + MAP_SIDE - bottom) / 2 - unit * (value - middle(y))
        : (left + MAP_SIDE - right) / 2 + unit * (value - middle(x)),
    ),
    block = (values, epoch) => values.subarray(2 * count * epoch, 2 * count * (epoch + 1));
  return {
    unit,
    inside: packed.inside,
    places: (epoch) => block(places, epoch),
    arrows: (epoch) => block(vectors, epoch).map((value, k) => (k % 2 ? -reach : reach) * value),
    /* Share of the squared length of the unit vectors that lies in the plane. */
    flatness: (epoch) => {
      const squares = block(vectors, epoch).reduce((sum, value) => sum + value ** 2, 0);
      return squares / (count - missing[epoch]);
    },
  };
}

function endsOf(values) {
  return [Math.min(...values), Math.max(...values)];
}

/* What the reader looks at, in words. */
function foldInWords({ run, kind, epoch, attribute, epsilon }) {
  const [energy, displacement] = [run.energy[kind], run.displacement[kind]];
  const before = (values) => (epoch ? ` (${formatNumber(values[0])} before)` : "");
  return (
    `Epoch ${epoch} of ${run.last}${epoch ? "" : ", before fine-tuning"}: energy of ${attribute.label} at ` +
    `ε\u00a0=\u00a0${shortNumber(epsilon)}: ${formatNumber(energy[epoch])}${before(energy)}; displacement ` +
    `${formatNumber(displacement[epoch])} of the mean distance${before(displacement)}.`
  );
}

/* The reader's choices as objects, within what there is. Fields are unpacked once. */
function foldChoices(model) {
  const runs = model.get("runs"),
    attributes = model.get("attributes"),
    opened = {};
  return () => {
    const run = runs.find((other) => other.name === model.get("run")) || runs[0];
    const kind = Math.max(0, attributes.findIndex((attribute) => attribute.name === model.get("attribute")));
    const epoch = Math.min(run.last, Math.max(0, model.get("epoch")));
    const key = `${run.name}\n${kind}`,
      field = (opened[key] ??= openField(run.fields[kind], model.get("count"), run.missing[kind]));
    const [epsilon, metric] = [model.get("epsilon"), model.get("metric")];
    return { run, kind, field, epoch, attribute: attributes[kind], epsilon, metric };
  };
}

/* ----------------------------------------------------------------------------------------------------- the pictures */

/* The map: faint dots where points were at epoch 0, thin lines from there, points and arrows. Returns draw(choices). */
function foldMap(parent, count) {
  const circles = (name, r) =>
    createSvg("g", { class: name }, ...Array.from({ length: count }, () => createSvg("circle", { r })));
  const svg = createSvg("svg", { viewBox: `0 0 ${MAP_SIDE} ${MAP_SIDE}`, role: "img" }),
    ghosts = circles("frw-ghost", 2),
    trails = createSvg("path", { class: "frw-trails" }),
    arrows = createSvg("path", { class: "frw-arrows" }),
    dots = circles("frw-dots", 3.2),
    legend = createSvg("g");
  svg.append(trails, ghosts, arrows, dots, legend);
  parent.append(createElement("div", { class: "frw-map frw-fold" }, svg));
  const glide = gliding(FOLD_GLIDE, ([start, places, vectors]) => {
    const each = (make) => Array.from({ length: count }, (_, i) => make(2 * i)).join("");
    const at = (values, k) => `${values[k].toFixed(1)} ${values[k + 1].toFixed(1)}`;
    trails.setAttribute("d", each((k) => `M${at(start, k)}L${at(places, k)}`));
    arrows.setAttribute("d", each((k) => arrowPath(places[k], places[k + 1], vectors[k], vectors[k + 1])));
    [...ghosts.children].forEach((dot, i) => setAll(dot, { cx: start[2 * i], cy: start[2 * i + 1] }));
    [...dots.children].forEach((dot, i) => setAll(dot, { cx: places[2 * i], cy: places[2 * i + 1] }));
  });
  let shown = null;
  function draw(now) {
    const { field, epoch } = now;
    glide.to([field.places(0), field.places(epoch), field.arrows(epoch)], shown === field);
    if (shown !== field) legend.replaceChildren(...mapLegend(now));
    svg.setAttribute("aria-label", `Map of ${count} points, one arrow each. ${foldInWords(now)}`);
    shown = field;
  }
  return { draw, stop: glide.stop };
}

/* A round part of the mean distance that fits on the map as a bar. With the cosine metric it is drawn as a chord. */
function barShare({ run, field }) {
  return [1, 0.5, 0.2, 0.1, 0.05, 0.02].find((part) => part * run.unit * field.unit <= 100) ?? 0.01;
}

/* Names of the axes, and the bar. */
function mapLegend(now) {
  const share = barShare(now),
    [x, y, length] = [24, MAP_SIDE - 13, share * now.run.unit * now.field.unit];
  const middle = (FOLD_BOX.top + MAP_SIDE - FOLD_BOX.bottom) / 2;
  return [
    createSvg("rect", { class: "frw-bar", x, y: y - 1, width: length, height: 2 }),
    createSvg("text", { x: x + length + 6, y: y + 4 }, `${share} ${now.metric === "cosine" ? "√(2d̄)" : "d̄"}`),
    createSvg("text", { x: MAP_SIDE - 10, y: y + 4, "text-anchor": "end" }, "main direction of the field"),
    createSvg(
      "text",
      { x: 15, y: middle, "text-anchor": "middle", transform: `rotate(-90 15 ${middle})` },
      "second direction of the field",
    ),
  ];
}

/* Energy and displacement of the field at every epoch; one scale for all runs and attributes. Returns draw(choices). */
const FOLD_CURVES = { width: 320, height: 214, left: 46, right: 10, top: 12, bottom: 40 };
function foldCurves(parent, runs, onEpoch) {
  const { width, height, left, right, top, bottom } = FOLD_CURVES;
  const svg = createSvg("svg", { class: "frw-epochs", viewBox: `0 0 ${width} ${height}`, role: "img" });
  parent.append(svg);
  const values = runs.flatMap((run) => [...run.energy, ...run.displacement].flat()).filter(Number.isFinite);
  const toY = scaleLinear([0, Math.max(1.1, 1.05 * Math.max(0, ...values))], [height - bottom, top]);
  let toX = null,
    last = 0;
  function draw(now) {
    const { run, kind, epoch } = now;
    last = run.last;
    toX = scaleLinear([0, last], [left, width - right]);
    const x = toX(epoch),
      rule = createSvg("line", { class: "frw-now", x1: x, x2: x, y1: top - 6, y2: height - bottom });
    const lines = [
      ["displacement", 3.6, "frw-spot frw-thin"],
      ["energy", 5.5, "frw-spot"],
    ].map(([name, r, spot]) => {
      const at = run[name][kind],
        mark = createSvg("circle", { class: spot, cx: x, cy: toY(at[epoch] ?? 0), r });
      const path = createSvg("path", { class: `frw-${name}`, d: pathThrough(at, toX, toY) });
      return Number.isFinite(at[epoch]) ? [path, mark] : [path];
    });
    svg.replaceChildren(...epochAxes(toX, toY, last), rule, ...lines.flat());
    svg.setAttribute("aria-label", `Energy and displacement at every epoch. ${foldInWords(now)}`);
  }
  const pick = (event) => {
    const box = svg.getBoundingClientRect(),
      x = ((event.clientX - box.left) / box.width) * width;
    onEpoch(Math.min(last, Math.max(0, Math.round(((x - left) / (width - right - left)) * last))));
  };
  svg.addEventListener("pointerdown", pick);
  svg.addEventListener("pointermove", (event) => event.buttons && pick(event));
  return draw;
}

/* Path through the values at 0, 1, 2 ...; where one is missing, the line has a gap. */
function pathThrough(values, toX, toY) {
  const step = (value, k) => {
    if (!Number.isFinite(value)) return "";
    return `${Number.isFinite(values[k - 1]) ? "L" : "M"}${toX(k).toFixed(1)} ${toY(value).toFixed(1)}`;
  };
  return values.map(step).join("");
}

/* Axes, grid and the line at 1. */
function epochAxes(toX, toY, last) {
  const { width, height, left, right, top, bottom } = FOLD_CURVES,
    [end, base, middle] = [width - right, height - bottom, (top + height - bottom) / 2];
  const highest = scaleLinear([toY(0), toY(1)], [0, 1])(top);
  const across = (value, name) => createSvg("line", { class: name, x1: left, x2: end, y1: toY(value), y2: toY(value) });
  const text = (words, attributes) => createSvg("text", { "text-anchor": "middle", ...attributes }, words);
  return [
    ...ticksBetween(0, highest, 4).flatMap((tick) => [
      across(tick, "frw-grid"),
      text(formatNumber(tick, 1), { x: left - 7, y: toY(tick) + 4, "text-anchor": "end" }),
    ]),
    across(1, "frw-orthogonal"),
    text("E = 1: orthogonal on average", { x: end - 8, y: toY(1) - 5, "text-anchor": "end", style: "font-size: 11px" }),
    ...ticksBetween(0, last, Math.min(last, 8)).flatMap((tick) => [
      createSvg("line", { class: "frw-grid", x1: toX(tick), x2: toX(tick), y1: base, y2: base + 4 }),
      text(String(tick), { x: toX(tick), y: base + 17 }),
    ]),
    text("epoch; 0 is before fine-tuning", { x: (left + end) / 2, y: height - 4 }),
    text("E(ε); displacement ÷ d̄", { x: 12, y: middle, transform: `rotate(-90 12 ${middle})` }),
  ];
}

/* What the lines are. */
function foldLines(parent) {
  addLegend(parent, [
    [lineSample("frw-energy"), "energy E(ε) = 1 − mean cosine"],
    [lineSample("frw-displacement"), "displacement, in mean distances d̄"],
  ]);
}

/* What the figure leaves out, in words. */
function foldNote(now, count) {
  const { run, kind, field, epoch, attribute, metric } = now,
    percent = (share) => `${Math.round(100 * share)}\u00a0%`,
    missing = run.missing[kind][epoch],
    parts = [
      "One plane for all epochs, the one that holds most of this field.",
      "All arrows have the same length in full space: a short one points out of the plane.",
    ];
  if (missing < count) {
    parts.push(`At this epoch the plane holds ${percent(field.flatness(epoch))} of their squared length.`);
  }
  if (missing) parts.push(`${missing} of ${count} points have no arrow: ${attribute.label} does not move them.`);
  parts.push(`Of the spread of the points, it holds ${percent(field.inside)}.`);
  parts.push("Faint dots and thin lines: where they were before fine-tuning.");
  const chord = metric === "cosine" ? "chord √(2d̄) between points of length 1 at the " : "";
  parts.push(`Bar: ${barShare(now)} of the ${chord}mean distance d̄ before fine-tuning.`);
  return parts.join(" ");
}

/* ------------------------------------------------------------------------------------------------------- the widget */

/* Run, attribute, epoch and the button that plays. Returns {show, stop, playing}. */
function foldControls(parent, model, choices, set) {
  const controls = createElement("div", { class: "frw-controls" }),
    options = (list) => list.map(({ name, label }) => [name, label]),
    { run, epoch, attribute } = choices();
  parent.append(controls);
  const runs = addSelect(controls, {
    label: "Fine-tuned on",
    options: options(model.get("runs")),
    value: run.name,
    onInput: (name) => {
      const { label } = model.get("runs").find((other) => other.name === name);
      const own = model.get("attributes").find((other) => other.label === label);
      player.stop();
      set({ run: name, ...(own && { attribute: own.name }) });
    },
  });
  const fields = addSelect(controls, {
    label: "Show the field of",
    options: options(model.get("attributes")),
    value: attribute.name,
    onInput: (name) => set({ attribute: name }),
  });
  const group = createElement("div", { class: "frw-run" });
  controls.append(group);
  const player = foldPlayer(group, choices, set);
  const slider = addSlider(group, {
    label: "Epoch",
    min: 0,
    max: run.last,
    step: 1,
    value: epoch,
    format: (k) => `${k} of ${choices().run.last}`,
    onInput: (k) => {
      player.stop();
      set({ epoch: k });
    },
  });
  slider.input.setAttribute("aria-label", "Epoch");
  const show = (now) => {
    runs.set(now.run.name);
    fields.set(now.attribute.name);
    slider.input.max = now.run.last;
    slider.set(now.epoch);
  };
  return { show, stop: player.stop, playing: player.playing };
}

/* The button that shows epoch after epoch, from the first if the last is on show. Returns {stop, playing}. */
function foldPlayer(parent, choices, set) {
  let timer = 0;
  const button = addButton(parent, { label: "▶ Play", onClick: () => (timer ? stop() : start()) });
  function start() {
    button.textContent = "■ Stop";
    timer = setInterval(next, FOLD_STEP);
    if (choices().epoch === choices().run.last) set({ epoch: 0 });
    else next();
  }
  function next() {
    const { epoch, run } = choices();
    if (epoch + 1 >= run.last) stop();
    if (epoch < run.last) set({ epoch: epoch + 1 });
  }
  function stop() {
    clearInterval(timer);
    timer = 0;
    button.textContent = "▶ Play";
  }
  return { stop, playing: () => timer !== 0 };
}

const FOLD_LEAD =
  "Move the epoch or press play. At a low energy arrows agree; at a high one they scatter, in the plane or out of it.";

function render({ model, el }) {
  const heading = { title: model.get("title"), description: model.get("description"), style: FOLD_STYLE };
  const frame = widgetFrame(el, heading),
    choices = foldChoices(model),
    count = model.get("count");
  const set = (changes) => {
    for (const [key, value] of Object.entries(changes)) if (model.get(key) !== value) model.set(key, value);
    model.save_changes();
  };
  frame.card.append(createElement("p", { class: "frw-lead" }, FOLD_LEAD));
  const controls = foldControls(frame.card, model, choices, set);
  const panel = (...children) => createElement("div", { class: "frw-panel" }, ...children),
    [left, right, words] = [panel(createElement("p")), panel(), createElement("p", { class: "frw-said" })];
  frame.card.append(createElement("div", { class: "frw-panels" }, left, right));
  const map = foldMap(left, count);
  foldLines(right);
  const curves = foldCurves(right, model.get("runs"), (epoch) => {
    controls.stop();
    if (epoch !== choices().epoch) set({ epoch });
  });
  right.append(words);
  const note = createElement("p", { class: "frw-note" });
  frame.card.append(note);
  let drawn = false;
  function draw() {
    const now = choices(),
      said = foldInWords(now);
    frame.root.style.setProperty("--tone", now.attribute.tone);
    left.firstChild.textContent = `One person's images, and where ${now.attribute.label} moves each`;
    controls.show(now);
    map.draw(now);
    curves(now);
    words.textContent = said;
    note.textContent = foldNote(now, count);
    if (drawn && !controls.playing()) frame.announce(said);
    drawn = true;
  }
  const events = ["run", "attribute", "epoch"].map((key) => `change:${key}`);
  events.forEach((event) => model.on(event, draw));
  draw();
  return () => {
    events.forEach((event) => model.off(event, draw));
    controls.stop();
    map.stop();
    frame.stop();
  };
}

export default { render };
