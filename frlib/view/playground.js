/* How to read an energy: a planar field, a ball, the cosines inside it, and the energy at every scale.
 *
 * Everything is computed here, in the reader's browser. frlib.training.planar draws the same points and vectors from
 * the same seed, and frlib.geometry.energy_sweep gives the same energies (tests/view/test_playground.py).
 *
 * State, from frlib.view.playground: presets [{name, base, noise}], scales (increasing), seed, count, preset, scale
 * (an index of scales), title, description.
 */

const PLAYGROUND_COUNTS = [50, 75, 100, 150, 200, 300, 400, 600, 800];
const PLAYGROUND_SIZE = 360;
const PLAYGROUND_BINS = 9;

const PLAYGROUND_STYLE = `
.frw-play { display: grid; gap: 1rem 1.5rem; grid-template-columns: minmax(0, 1fr); align-items: start; }
@container (min-width: 620px) { .frw-play { grid-template-columns: minmax(0, 11fr) minmax(0, 10fr); } }
.frw-play > div { min-width: 0; }
.frw-plane { overflow: hidden !important; border: 1px solid var(--frw-line); border-radius: 8px; cursor: crosshair;
  touch-action: pan-y; background: var(--frw-page); }
.frw-curve { cursor: ew-resize; touch-action: pan-y; }
.frw-caption { font-size: 0.8rem; color: var(--frw-soft); margin: 0.3rem 0 0.7rem; }
.frw-play .frw-strong { fill: var(--frw-ink); font-weight: 600; }
`;

/* ------------------------------------------------------------------------------------------------------- the maths */

/* `count` points of the square [-1, 1]^2 and as many standard normal numbers; the first k of n never change. */
function planarDraws(count, seed) {
  const uniform = uniforms(seed), normal = normals(uniform);
  const points = new Float64Array(2 * count), noise = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    points[2 * i] = 2 * uniform() - 1;
    points[2 * i + 1] = 2 * uniform() - 1;
    noise[i] = normal();
  }
  return { points, noise };
}

/* Unit vectors (count, 2): base "aligned", "tangential" or "radial", turned by `degrees` times a normal number. */
function planarField({ points, noise }, base, degrees) {
  const vectors = new Float64Array(points.length);
  const turn = base === "tangential" ? Math.PI / 2 : 0;
  for (let i = 0; i < noise.length; i++) {
    const start = base === "aligned" ? 0 : Math.atan2(points[2 * i + 1], points[2 * i]) + turn;
    const angle = start + (Math.PI / 180) * degrees * noise[i];
    vectors[2 * i] = Math.cos(angle);
    vectors[2 * i + 1] = Math.sin(angle);
  }
  return vectors;
}

/* Mean pair distance; per pair (i < j) the first scale whose ball holds it; per point and scale the ball's size. */
function planarPairs(points, scales) {
  const count = points.length / 2, kinds = scales.length;
  const lengths = new Float64Array((count * (count - 1)) / 2);
  let total = 0, p = 0;
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++, p++) {
      const dx = points[2 * i] - points[2 * j], dy = points[2 * i + 1] - points[2 * j + 1];
      lengths[p] = Math.sqrt(dx * dx + dy * dy);
      total += lengths[p];
    }
  }
  const meanDistance = total / lengths.length;
  const radii = Float64Array.from(scales, (scale) => scale * meanDistance);
  const first = new Uint8Array(lengths.length), sizes = new Float64Array(count * kinds);
  p = 0;
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++, p++) {
      let low = 0, high = kinds;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (lengths[p] <= radii[middle]) high = middle;
        else low = middle + 1;
      }
      first[p] = low;
      if (low < kinds) { sizes[i * kinds + low]++; sizes[j * kinds + low]++; }
    }
  }
  accumulate(sizes, kinds);
  return { meanDistance, radii, first, sizes, count, kinds };
}

/* Running sums along the rows of a flat matrix with `width` columns. */
function accumulate(rows, width) {
  for (let k = 0; k < rows.length; k++) if (k % width) rows[k] += rows[k - 1];
}

/* Energy, mean ball size and share of empty balls at every scale. One pass over the pairs serves all scales. */
function planarEnergies(vectors, { first, sizes, count, kinds }, includeCenter) {
  const sums = new Float64Array(count * kinds);
  for (let i = 0, p = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++, p++) {
      if (first[p] === kinds) continue;
      const cosine = vectors[2 * i] * vectors[2 * j] + vectors[2 * i + 1] * vectors[2 * j + 1];
      sums[i * kinds + first[p]] += cosine;
      sums[j * kinds + first[p]] += cosine;
    }
  }
  accumulate(sums, kinds);
  const own = includeCenter ? 1 : 0;
  return Array.from({ length: kinds }, (_, k) => {
    let energy = 0, counted = 0, neighbors = 0, empty = 0;
    for (let i = 0; i < count; i++) {
      const size = sizes[i * kinds + k] + own;
      if (sizes[i * kinds + k] === 0) empty++;
      neighbors += size;
      if (size === 0) continue;
      energy += 1 - (sums[i * kinds + k] + own) / size;
      counted++;
    }
    return { energy: counted ? energy / counted : NaN, neighbors: neighbors / count, isolated: empty / count };
  });
}

/* The point nearest to (x, y); with a direction, the nearest one on that side (`from` is then left out). */
function nearestPoint(points, x, y) {
  let best = 0, least = Infinity;
  for (let i = 0; i < points.length / 2; i++) {
    const distance = Math.hypot(points[2 * i] - x, points[2 * i + 1] - y);
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}
function nextPoint(points, from, [ux, uy]) {
  let best = from, least = Infinity;
  for (let i = 0; i < points.length / 2; i++) {
    const dx = points[2 * i] - points[2 * from], dy = points[2 * i + 1] - points[2 * from + 1];
    const ahead = dx * ux + dy * uy, aside = Math.abs(dx * uy - dy * ux);
    if (ahead > 0 && aside <= ahead && ahead + 2 * aside < least) [best, least] = [i, ahead + 2 * aside];
  }
  return best;
}

/* ----------------------------------------------------------------------------------------------------- the pictures */

/* The plane: one path for the arrows outside the ball, one per class of cosine inside it. Returns draw(view). */
function addPlane(parent, label) {
  const svg = createSvg("svg", { viewBox: `0 0 ${PLAYGROUND_SIZE} ${PLAYGROUND_SIZE}`, class: "frw-plane", tabindex: 0,
    role: "application", "aria-roledescription": "field of vectors", "aria-label": label });
  const ball = createSvg("circle", { fill: "var(--frw-accent)", "fill-opacity": 0.09, stroke: "var(--frw-accent)",
    "stroke-width": 1.5 });
  const outside = createSvg("path", { fill: "none", stroke: "var(--frw-soft)", "stroke-opacity": 0.6 });
  const inside = Array.from({ length: PLAYGROUND_BINS }, () => createSvg("path", { fill: "none", "stroke-width": 1.8 }));
  const center = createSvg("path", { fill: "none", stroke: "var(--frw-ink)", "stroke-width": 3 });
  const dot = createSvg("circle", { r: 3.5, fill: "var(--frw-ink)" });
  svg.append(ball, outside, ...inside, center, dot);
  parent.append(svg);
  const pixel = (value) => (PLAYGROUND_SIZE / 2) * (1 + value / 1.06);
  const draw = ({ points, vectors, chosen, radius, cosines, dark }) => {
    const count = points.length / 2;
    const reach = Math.max(0.055, Math.min(0.2, 1.7 / Math.sqrt(count))) * (PLAYGROUND_SIZE / 2.12);
    const paths = Array.from({ length: PLAYGROUND_BINS + 1 }, () => []);
    let own = "";
    for (let i = 0; i < count; i++) {
      const dx = vectors[2 * i] * reach, dy = -vectors[2 * i + 1] * reach;
      const arrow = arrowPath(pixel(points[2 * i]) - dx / 2, pixel(-points[2 * i + 1]) - dy / 2, dx, dy, 0.3 * reach);
      const cosine = cosines.get(i);
      if (i === chosen) own = arrow;
      else if (cosine === undefined) paths[PLAYGROUND_BINS].push(arrow);
      else paths[Math.min(PLAYGROUND_BINS - 1, Math.floor(((cosine + 1) / 2) * PLAYGROUND_BINS))].push(arrow);
    }
    outside.setAttribute("d", paths[PLAYGROUND_BINS].join(""));
    inside.forEach((path, k) => setAll(path, { d: paths[k].join(""),
      stroke: cosineColor(-1 + (2 * k + 1) / PLAYGROUND_BINS, dark) }));
    const place = { cx: pixel(points[2 * chosen]), cy: pixel(-points[2 * chosen + 1]) };
    setAll(ball, { ...place, r: (radius * PLAYGROUND_SIZE) / 2.12 });
    setAll(dot, place);
    center.setAttribute("d", own);
  };
  const locate = (event) => {
    const box = svg.getBoundingClientRect();
    const value = (offset, size) => ((2 * offset) / size - 1) * 1.06;
    return [value(event.clientX - box.left, box.width), -value(event.clientY - box.top, box.height)];
  };
  return { svg, draw, locate };
}

/* Energy against scale, with the last setting dashed, the share of isolated points shaded, and the chosen scale. */
function addCurve(parent, scales) {
  const [width, height] = [360, 230], frame = { left: 42, right: 350, top: 14, bottom: 186 };
  const x = scaleLog([scales[0], scales[scales.length - 1]], [frame.left, frame.right]);
  const y = scaleLinear([0, 1.4], [frame.bottom, frame.top]);
  const svg = createSvg("svg", { viewBox: `0 0 ${width} ${height}`, class: "frw-curve", role: "img",
    "aria-label": "Energy at every scale; the slider for the scale moves the mark." });
  const line = (attributes) => createSvg("path", { fill: "none", "stroke-linejoin": "round", ...attributes });
  const grid = line({ stroke: "var(--frw-line)",
    d: [0, 0.5, 1].map((v) => `M${frame.left} ${y(v)}H${frame.right}`).join("") });
  const shade = createSvg("path", { fill: "var(--frw-soft)", "fill-opacity": 0.16 });
  const before = line({ stroke: "var(--frw-soft)", "stroke-dasharray": "5 4", "stroke-width": 1.5 });
  const now = line({ stroke: "var(--frw-accent)", "stroke-width": 2.6 });
  const mark = line({ stroke: "var(--frw-ink)", "stroke-width": 1 });
  const dot = createSvg("circle", { r: 5, fill: "var(--frw-accent)", stroke: "var(--frw-page)", "stroke-width": 1.5 });
  svg.append(grid, shade, before, mark, now, dot);
  for (const value of [0, 0.5, 1]) {
    svg.append(createSvg("text", { x: frame.left - 8, y: y(value) + 4, "text-anchor": "end" }, String(value)));
  }
  for (const value of [0.03, 0.1, 0.3, 1, 3].filter((v) => v >= scales[0] && v <= scales[scales.length - 1])) {
    svg.append(createSvg("text", { x: x(value), y: frame.bottom + 17, "text-anchor": "middle" }, String(value)));
  }
  svg.append(createSvg("text", { x: (frame.left + frame.right) / 2, y: height - 6, "text-anchor": "middle" },
    "scale ε: radius of the ball over the mean distance d̄"));
  svg.append(createSvg("text", { x: 12, y: (frame.top + frame.bottom) / 2, "text-anchor": "middle",
    transform: `rotate(-90 12 ${(frame.top + frame.bottom) / 2})` }, "energy E(ε)"));
  parent.append(svg);
  const trace = (values) => {
    let pen = "M";
    return values.map((value, k) => {
      if (!Number.isFinite(value)) { pen = "M"; return ""; }
      const step = `${pen}${x(scales[k]).toFixed(1)} ${y(Math.min(1.4, value)).toFixed(1)}`;
      pen = "L";
      return step;
    }).join("");
  };
  const draw = (rows, last, k) => {
    now.setAttribute("d", trace(rows.map((row) => row.energy)));
    before.setAttribute("d", last ? trace(last.map((row) => row.energy)) : "");
    const top = trace(rows.map((row) => row.isolated));
    shade.setAttribute("d", `${top}L${frame.right} ${frame.bottom}L${frame.left} ${frame.bottom}Z`);
    mark.setAttribute("d", `M${x(scales[k])} ${frame.top}V${frame.bottom}`);
    const { energy } = rows[k];
    setAll(dot, { cx: x(scales[k]), cy: y(Number.isFinite(energy) ? Math.min(1.4, energy) : 0),
      visibility: Number.isFinite(energy) ? "visible" : "hidden" });
  };
  const locate = (event) => {
    const box = svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * width;
    return scales.reduce((best, scale, k) => (Math.abs(x(scale) - at) < Math.abs(x(scales[best]) - at) ? k : best), 0);
  };
  return { svg, draw, locate };
}

/* The cosines inside the ball, one tick each, and their mean. */
function addStrip(parent) {
  const svg = createSvg("svg", { viewBox: "0 0 360 78", role: "img",
    "aria-label": "Cosines between the chosen vector and the others in the ball, from minus one to one." });
  const x = scaleLinear([-1, 1], [42, 350]);
  svg.append(createSvg("path", { d: `M${x(-1)} 44H${x(1)}`, stroke: "var(--frw-line)" }));
  for (const [value, text] of [[-1, "−1 opposed"], [0, "0"], [1, "1 same"]]) {
    const anchor = value < 0 ? "start" : value > 0 ? "end" : "middle";
    svg.append(createSvg("text", { x: x(value), y: 64, "text-anchor": anchor }, text));
  }
  const ticks = Array.from({ length: PLAYGROUND_BINS }, () => createSvg("path", { "stroke-width": 2,
    "stroke-opacity": 0.75, fill: "none" }));
  const mean = createSvg("path", { fill: "var(--frw-ink)" });
  const label = createSvg("text", { y: 11, class: "frw-strong" });
  svg.append(...ticks, mean, label);
  parent.append(svg);
  return (cosines, dark) => {
    const values = [...cosines.values()];
    const classOf = (c) => Math.min(PLAYGROUND_BINS - 1, Math.floor(((c + 1) / 2) * PLAYGROUND_BINS));
    ticks.forEach((path, k) => setAll(path, { stroke: cosineColor(-1 + (2 * k + 1) / PLAYGROUND_BINS, dark),
      d: values.filter((c) => classOf(c) === k).map((c) => `M${x(c).toFixed(1)} 28V44`).join("") }));
    const average = values.reduce((total, c) => total + c, 0) / values.length;
    mean.setAttribute("d", values.length ? `M${x(average)} 27l-5 -9h10z` : "");
    label.textContent = values.length ? `mean ${formatNumber(average)}` : "no other point in this ball";
    const anchor = !values.length || average < -0.6 ? "start" : average > 0.6 ? "end" : "middle";
    setAll(label, { x: values.length ? x(average) + (anchor === "end" ? 8 : anchor === "start" ? -8 : 0) : x(-1),
      "text-anchor": anchor });
  };
}

/* ------------------------------------------------------------------------------------------------------- the widget */

/* What the reader chose, and everything that follows from it. */
function playgroundModel(model) {
  const scales = model.get("scales"), presets = model.get("presets");
  const start = presets[model.get("preset")];
  const state = { base: start.base, noise: start.noise, count: model.get("count"), scale: model.get("scale"),
    includeCenter: false, seed: model.get("seed"), chosen: 0 };
  let draws, pairs, vectors, rows, last = null;
  const apply = (change) => {
    const places = !draws || "count" in change || "seed" in change;
    const fields = places || "base" in change || "noise" in change;
    Object.assign(state, change);
    if (places) {
      draws = planarDraws(state.count, state.seed);
      pairs = planarPairs(draws.points, scales);
      if (!("chosen" in change)) state.chosen = nearestPoint(draws.points, 0.42, 0.3);
    }
    if (fields) vectors = planarField(draws, state.base, state.noise);
    if (fields || "includeCenter" in change) {
      last = "preset" in change || "includeCenter" in change || places ? rows : last;
      rows = planarEnergies(vectors, pairs, state.includeCenter);
    }
  };
  const cosinesInBall = () => {
    const found = new Map(), { points } = draws, i = state.chosen, radius = pairs.radii[state.scale];
    for (let j = 0; j < state.count; j++) {
      const dx = points[2 * i] - points[2 * j], dy = points[2 * i + 1] - points[2 * j + 1];
      if (j === i ? !state.includeCenter : Math.sqrt(dx * dx + dy * dy) > radius) continue;
      found.set(j, vectors[2 * i] * vectors[2 * j] + vectors[2 * i + 1] * vectors[2 * j + 1]);
    }
    return found;
  };
  const matching = () => presets.findIndex((preset) => preset.base === state.base && preset.noise === state.noise);
  apply({ count: state.count });
  return { state, scales, presets, apply, cosinesInBall, matching,
    current: () => ({ draws, pairs, vectors, rows, last }) };
}

/* Field buttons, sliders, the check box and the button for a new draw. Returns show(), which puts them in line. */
function addPlaygroundControls(card, play, update) {
  const { state, scales, presets } = play;
  const kinds = createElement("div", { class: "frw-kinds", role: "group", "aria-label": "Field" });
  card.append(kinds);
  const buttons = presets.map((preset) => addButton(kinds, { label: preset.name,
    onClick: () => update({ base: preset.base, noise: preset.noise, preset: true }) }));
  const controls = createElement("div", { class: "frw-controls" });
  card.append(controls);
  const noise = addSlider(controls, { label: "Noise on the angle", min: 0, max: 180, step: 1, value: state.noise,
    format: (value) => `${value}°`, onInput: (value) => update({ noise: value }) });
  const count = addSlider(controls, { label: "Number of points", min: 0, max: PLAYGROUND_COUNTS.length - 1, step: 1,
    value: PLAYGROUND_COUNTS.indexOf(state.count), format: (k) => String(PLAYGROUND_COUNTS[k]),
    onInput: (k) => update({ count: PLAYGROUND_COUNTS[k] }) });
  const center = addCheckbox(controls, { label: "Count each point as its own neighbour", value: state.includeCenter,
    onInput: (value) => update({ includeCenter: value }) });
  addButton(controls, { label: "Draw other points", onClick: () => update({ seed: state.seed + 1 }) });
  const below = createElement("div", { class: "frw-controls" });
  card.append(below);
  const scale = addSlider(below, { label: "Scale ε", min: 0, max: scales.length - 1, step: 1, value: state.scale,
    format: (k) => formatNumber(scales[k], scales[k] < 0.1 ? 3 : 2), onInput: (k) => update({ scale: k }) });
  /* The first thing inside a slider's label that can have a label is its output; so name the inputs themselves. */
  for (const [slider, name] of [[scale, "Scale ε"], [noise, "Noise on the angle"], [count, "Number of points"]]) {
    slider.input.setAttribute("aria-label", name);
  }
  return () => {
    const active = play.matching();
    buttons.forEach((button, k) => button.setAttribute("aria-pressed", String(k === active)));
    scale.set(state.scale);
    noise.set(state.noise);
    count.set(PLAYGROUND_COUNTS.indexOf(state.count));
    center.set(state.includeCenter);
  };
}

function render({ model, el }) {
  const play = playgroundModel(model), { state, scales } = play;
  const frame = widgetFrame(el, { title: model.get("title"), description: model.get("description"),
    style: PLAYGROUND_STYLE });
  const showControls = addPlaygroundControls(frame.card, play, update);
  const panels = createElement("div", { class: "frw-play" });
  const left = createElement("div"), right = createElement("div");
  panels.append(left, right);
  frame.card.append(panels);
  const plane = addPlane(left, "Field of vectors with a ball. The arrow keys move the ball to the next point.");
  left.append(createElement("p", { class: "frw-caption" },
    "Pick or drag the centre of the ball. Blue vectors agree with the centre's, orange ones oppose it."));
  const curve = addCurve(right, scales);
  right.append(createElement("p", { class: "frw-caption" },
    "Line: this field. Dashed: the setting before. Shaded: share of points with an empty ball."));
  const strip = addStrip(right);
  right.append(createElement("p", { class: "frw-caption" }, "Cosines in the ball: one tick per neighbour."));
  const readout = addReadout(frame.card,
    ["energy E(ε)", "1 − mean cosine, this ball", "neighbours, mean", "empty balls", "radius ε d̄"]);

  function draw() {
    const { draws, pairs, vectors, rows, last } = play.current(), { dark } = frame.colors();
    const row = rows[state.scale], cosines = play.cosinesInBall();
    const radius = pairs.radii[state.scale];
    plane.draw({ points: draws.points, vectors, chosen: state.chosen, radius, cosines, dark });
    curve.draw(rows, last, state.scale);
    strip(cosines, dark);
    const own = 1 - [...cosines.values()].reduce((total, c) => total + c, 0) / cosines.size;
    readout([formatNumber(row.energy), formatNumber(own), formatNumber(row.neighbors, 1),
      `${formatNumber(100 * row.isolated, 0)} %`, formatNumber(radius)]);
    showControls();
    Object.assign(el.dataset, { energy: row.energy, scale: scales[state.scale], count: state.count, base: state.base,
      noise: state.noise, neighbors: row.neighbors, isolated: row.isolated, chosen: state.chosen });
  }
  function update(change) {
    play.apply(change);
    draw();
    const { energy, isolated } = play.current().rows[state.scale];
    frame.announce(`Energy ${formatNumber(energy)} at scale ${formatNumber(scales[state.scale])}, ` +
      `${formatNumber(100 * isolated, 0)} percent of the balls empty.`);
  }
  followPointer(plane.svg, (event) => {
    update({ chosen: nearestPoint(play.current().draws.points, ...plane.locate(event)) });
  });
  followPointer(curve.svg, (event) => update({ scale: curve.locate(event) }));
  const keys = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  plane.svg.addEventListener("keydown", (event) => {
    if (!keys[event.key]) return;
    event.preventDefault();
    update({ chosen: nextPoint(play.current().draws.points, state.chosen, keys[event.key]) });
  });
  /* For tests and for the curious: what is drawn, and a way to change it. */
  el.playground = {
    set: update,
    read: () => {
      const { draws, pairs, vectors, rows } = play.current();
      return { ...state, points: [...draws.points], vectors: [...vectors], meanDistance: pairs.meanDistance, rows };
    },
  };
  frame.onTheme(draw);
  draw();
  return frame.stop;
}

export default { render };
