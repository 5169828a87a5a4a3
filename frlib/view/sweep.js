/* The ε-sweep: points and their unit vectors in a plane, the ball round the point the reader picks, the cosines inside
 * it, and the energy of every attribute at that scale on the curves beside.
 *
 * State, from frlib.view.sweep: clouds (see `_payload` there), cloud (name), scale (index), point (row of the whole
 * cloud), attribute (name), title, description.
 */

const SWEEP_STYLE = `
.frw-chips { display: flex; flex-wrap: wrap; gap: 0.4rem; border: 0; margin: 0 0 1rem; padding: 0; min-width: 0; }
.frw-chips legend { font-size: 0.8rem; color: var(--frw-soft); padding: 0; margin: 0 0 0.3rem; float: none; }
.frw-chip { display: flex; gap: 0.45rem; align-items: center; border: 1px solid var(--frw-line); border-radius: 999px;
  padding: 0.2rem 0.75rem 0.2rem 0.55rem; min-height: 2.1rem; font-size: 0.83rem; cursor: pointer; margin: 0;
  background: var(--frw-page); color: var(--frw-ink); }
.frw-chip:hover { border-color: var(--frw-soft); }
.frw-chip:has(input:checked) { background: var(--frw-fill); border-color: var(--chip);
  box-shadow: inset 0 0 0 1px var(--chip); }
.frw-chip:has(:focus-visible) { outline: 3px solid var(--frw-accent); outline-offset: 2px; }
.frw-chip input { position: absolute; opacity: 0; pointer-events: none; }
.frw-chip i { width: 0.75rem; height: 0.75rem; border-radius: 50%; background: var(--chip); flex: none; }
.frw-chip b { font-weight: 600; font-variant-numeric: tabular-nums; }
.frw-curves { cursor: ew-resize; touch-action: pan-y; }
@media (prefers-reduced-motion: no-preference) { .frw-map .frw-disc { transition: r 0.16s ease-out; } }
`;

const SWEEP_BINS = 20;

/* Turn a packed cloud into matrices; done once per cloud. */
function openCloud(packed) {
  const count = packed.rows.length;
  const attributes = packed.attributes.map((attribute) => {
    const cosines = symmetric(unpack(attribute.cosines), count, 1);
    for (const i of attribute.missing) cosines[i * count + i] = 0;
    return { ...attribute, cosines, arrows: unpack(attribute.arrows), defined: definedPoints(cosines, count) };
  });
  const lengths = attributes.flatMap((a) =>
    Array.from({ length: count }, (_, i) => Math.hypot(a.arrows[2 * i], a.arrows[2 * i + 1])),
  );
  lengths.sort((a, b) => a - b);
  return {
    ...packed,
    count,
    attributes,
    distances: symmetric(unpack(packed.distances), count, 0),
    positions: unpack(packed.positions),
    longest: lengths[Math.floor(0.95 * lengths.length)] || 1,
  };
}

/* Radius in the plane of a ball: with the cosine metric, 1 - cos = r is a chord of length sqrt(2 r). */
function planeRadius(cloud, radius) {
  return cloud.metric === "cosine" ? Math.sqrt(2 * radius) : radius;
}

/* What the reader looks at: the same numbers for the drawing, the readout and the screen reader. */
function lookAt(cloud, attribute, scaleIndex, center) {
  const scale = cloud.scales[scaleIndex],
    radius = scale * cloud.meanDistance,
    count = cloud.count;
  const ball = attribute.defined[center] ? neighborsOf(cloud.distances, count, center, radius, attribute.defined) : [];
  const cosines = ball.map((j) => attribute.cosines[center * count + j]);
  const mean = cosines.length ? cosines.reduce((a, b) => a + b, 0) / cosines.length : NaN;
  return { scale, radius, ball, cosines, mean, own: 1 - mean };
}

/* The map: points, arrows and the disc. Returns {draw, element}. */
function sweepMap(parent, onPick) {
  const { element, svg } = pickableMap(parent, { mark: "point", now: () => ({ pixels, current }), onPick });
  const disc = createSvg("circle", { class: "frw-disc", "stroke-width": 1.5 });
  const layers = ["outside", "inside", "center"].map((name) => createSvg("g", { class: `frw-${name}` }));
  svg.append(disc, ...layers);
  let marks = [],
    pixels = [],
    current = 0,
    owner = null;

  function makeMarks(count) {
    layers.forEach((layer) => layer.replaceChildren());
    marks = Array.from({ length: count }, () => {
      const arrow = createSvg("path", { fill: "none", "stroke-linecap": "round", "stroke-linejoin": "round" });
      return createSvg("g", {}, arrow, createSvg("circle"));
    });
  }
  function draw(cloud, attribute, view, center, zoom, tint, colors) {
    if (owner !== cloud) makeMarks(cloud.count);
    owner = cloud;
    current = center;
    const reach = planeRadius(cloud, view.radius),
      plane = mapPlane(cloud, center, zoom ? reach : Infinity);
    pixels = plane.pixels;
    const member = new Set(view.ball),
      arrowUnit = 26 / cloud.longest;
    const [cx, cy] = pixels[center];
    setAll(disc, { cx, cy, r: reach * plane.unit, fill: tint, "fill-opacity": 0.1, stroke: tint });
    marks.forEach((mark, i) => {
      const kind = i === center ? 2 : member.has(i) ? 1 : 0;
      const [x, y] = pixels[i],
        [arrow, dot] = mark.children;
      const color = [colors.soft, tint, colors.ink][kind],
        opacity = kind ? 1 : 0.35;
      const d = arrowPath(x, y, attribute.arrows[2 * i] * arrowUnit, -attribute.arrows[2 * i + 1] * arrowUnit);
      setAll(arrow, { d, stroke: color, "stroke-width": kind === 2 ? 2.4 : 1.3, opacity });
      setAll(dot, { cx: x, cy: y, r: [2.4, 3, 5.5][kind], fill: color, opacity });
      setAll(dot, { stroke: kind === 2 ? colors.page : "none", "stroke-width": 1.5 });
      layers[kind].append(mark);
    });
  }
  return { element, draw };
}

/* Where the points are on the map: all of them in view, or the ball's disc at a third of it. */
function mapPlane(cloud, center, reach) {
  const xs = [],
    ys = [];
  for (let i = 0; i < cloud.count; i++) {
    xs.push(cloud.positions[2 * i]);
    ys.push(cloud.positions[2 * i + 1]);
  }
  const middle = (v) => (Math.min(...v) + Math.max(...v)) / 2,
    span = (v) => Math.max(...v) - Math.min(...v);
  const whole = (MAP_SIDE - 70) / Math.max(span(xs), span(ys), 1e-12),
    unit = Math.max(whole, MAP_SIDE / 3 / reach);
  const focus = unit > whole ? [xs[center], ys[center]] : [middle(xs), middle(ys)];
  const place = (i) => [MAP_SIDE / 2 + (xs[i] - focus[0]) * unit, MAP_SIDE / 2 - (ys[i] - focus[1]) * unit];
  return { unit, pixels: xs.map((_, i) => place(i)) };
}

/* The curves: energy of every attribute at every scale, with the rule at the reader's scale. */
const CURVES = { width: 320, height: 212, left: 32, right: 8, top: 12, bottom: 38 };
function sweepCurves(parent, onScale) {
  const { width, height, left, right, top, bottom } = CURVES;
  const svg = createSvg("svg", { class: "frw-curves", viewBox: `0 0 ${width} ${height}`, role: "img" });
  parent.append(svg);
  let toX = null,
    scales = [];
  function draw(cloud, attribute, scaleIndex, tints, colors) {
    scales = cloud.scales;
    const first = scales[0],
      last = scales[scales.length - 1];
    const energies = cloud.attributes.flatMap((a) => a.energy).filter(Number.isFinite);
    const highest = Math.max(1.1, ...energies.map((e) => e * 1.04)),
      lowest = Math.min(0, ...energies);
    toX = (last / first > 12 ? scaleLog : scaleLinear)([first, last], [left, width - right]);
    const toY = scaleLinear([lowest, highest], [height - bottom, top]);
    const x = toX(scales[scaleIndex]);
    const rule = {
      class: "frw-rule",
      x1: x,
      x2: x,
      y1: top - 6,
      y2: height - bottom,
      stroke: colors.ink,
      "stroke-width": 1.2,
    };
    const order = cloud.attributes
      .map((_, k) => k)
      .sort((a, b) => (cloud.attributes[a] === attribute) - (cloud.attributes[b] === attribute));
    svg.replaceChildren(
      ...curveAxes(toX, toY, first, last, highest, colors),
      createSvg("line", rule),
      ...order.flatMap((k) =>
        curveMarks(cloud, k, cloud.attributes[k] === attribute, scaleIndex, tints[k], toX, toY, colors),
      ),
    );
    svg.setAttribute("aria-label", curvesInWords(cloud, scaleIndex));
  }
  function toScale(event) {
    const box = svg.getBoundingClientRect(),
      x = ((event.clientX - box.left) / box.width) * width;
    const far = scales.map((scale) => Math.abs(toX(scale) - x));
    onScale(far.indexOf(Math.min(...far)));
  }
  svg.addEventListener("pointerdown", toScale);
  svg.addEventListener("pointermove", (event) => {
    if (event.buttons) toScale(event);
  });
  return { draw };
}

/* One curve, and its point at the reader's scale. */
function curveMarks(cloud, k, chosen, scaleIndex, tint, toX, toY, colors) {
  const { energy } = cloud.attributes[k];
  const points = cloud.scales.flatMap((s, i) => (Number.isFinite(energy[i]) ? [[toX(s), toY(energy[i])]] : []));
  const d = points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  const line = { class: "frw-curve", d, fill: "none", stroke: tint, "stroke-linejoin": "round" };
  const marks = [createSvg("path", { ...line, opacity: chosen ? 1 : 0.55, "stroke-width": chosen ? 3.2 : 1.5 })];
  if (Number.isFinite(energy[scaleIndex])) {
    const at = { cx: toX(cloud.scales[scaleIndex]), cy: toY(energy[scaleIndex]), r: chosen ? 5.5 : 3.4 };
    marks.push(createSvg("circle", { class: "frw-now", ...at, fill: tint, stroke: colors.page, "stroke-width": 1.5 }));
  }
  return marks;
}

/* Axes, grid and the line at 1 of the curves. */
function curveAxes(toX, toY, first, last, highest, colors) {
  const parts = [],
    box = CURVES,
    end = box.width - box.right,
    base = box.height - box.bottom;
  for (const tick of ticksBetween(0, highest, 5)) {
    parts.push(createSvg("line", { x1: box.left, x2: end, y1: toY(tick), y2: toY(tick), stroke: colors.line }));
    parts.push(createSvg("text", { x: box.left - 7, y: toY(tick) + 4, "text-anchor": "end" }, formatNumber(tick, 1)));
  }
  parts.push(
    createSvg("line", {
      x1: box.left,
      x2: end,
      y1: toY(1),
      y2: toY(1),
      stroke: colors.soft,
      "stroke-dasharray": "3 4",
    }),
  );
  parts.push(
    createSvg(
      "text",
      { x: end, y: toY(1) - 5, "text-anchor": "end", style: "font-size:11px" },
      "orthogonal on average",
    ),
  );
  const ticks =
    last / first > 12
      ? [0.01, 0.03, 0.1, 0.3, 1, 3].filter((t) => t >= first && t <= last)
      : ticksBetween(first, last, 5);
  for (const tick of ticks) {
    parts.push(createSvg("line", { x1: toX(tick), x2: toX(tick), y1: base, y2: base + 4, stroke: colors.soft }));
    parts.push(createSvg("text", { x: toX(tick), y: base + 17, "text-anchor": "middle" }, shortNumber(tick)));
  }
  parts.push(
    createSvg(
      "text",
      { x: (box.left + end) / 2, y: box.height - 3, "text-anchor": "middle" },
      "scale ε, in mean pair distances",
    ),
  );
  return parts;
}

/* The text alternative of the curves at one scale. */
function curvesInWords(cloud, scaleIndex) {
  const parts = cloud.attributes.map((a) => `${a.name} ${formatNumber(a.energy[scaleIndex])}`);
  return `Energy against scale. At ε = ${shortNumber(cloud.scales[scaleIndex])}: ${parts.join(", ")}.`;
}

/* The cosines in the ball, as a histogram with their mean. */
const COSINES = { width: 320, height: 112, left: 8, right: 8, top: 26, bottom: 32 };
function sweepCosines(parent) {
  const { width, height, left, right, top, bottom } = COSINES;
  const svg = createSvg("svg", { class: "frw-cosines", viewBox: `0 0 ${width} ${height}`, role: "img" });
  parent.append(svg);
  const toX = scaleLinear([-1, 1], [left, width - right]),
    base = height - bottom;
  function draw(view, tint, colors) {
    const parts = [...cosineBars(view.cosines, toX, base, base - top, tint), ...cosineAxis(toX, base, colors)];
    let words = "no neighbour in the ball";
    if (view.ball.length) {
      words = `mean ${formatNumber(view.mean)}, so energy ${formatNumber(view.own)}`;
      const x = toX(view.mean),
        anchor = view.mean > 0.35 ? "end" : view.mean < -0.35 ? "start" : "middle";
      const style = `fill:${colors.ink};font-weight:600`;
      parts.push(createSvg("line", { x1: x, x2: x, y1: top - 8, y2: base, stroke: colors.ink, "stroke-width": 1.6 }));
      parts.push(createSvg("text", { x, y: top - 13, "text-anchor": anchor, style }, words));
    } else {
      parts.push(createSvg("text", { x: width / 2, y: base - 24, "text-anchor": "middle" }, words));
    }
    svg.replaceChildren(...parts);
    svg.setAttribute("aria-label", `Cosines with the vectors in the ball: ${words}.`);
  }
  return { draw };
}

/* Bars of the histogram, the fullest one as high as there is room. */
function cosineBars(cosines, toX, base, room, tint) {
  const counts = new Array(SWEEP_BINS).fill(0);
  const bin = (cosine) => Math.min(SWEEP_BINS - 1, Math.max(0, Math.floor(((cosine + 1) / 2) * SWEEP_BINS)));
  for (const cosine of cosines) counts[bin(cosine)]++;
  const width = (toX(1) - toX(-1)) / SWEEP_BINS,
    most = Math.max(1, ...counts);
  return counts.flatMap((count, k) => {
    const height = (room * count) / most,
      x = toX(-1) + k * width + 0.75;
    const bar = { class: "frw-bar", x, y: base - height, width: width - 1.5, height, rx: 1.5 };
    return count ? [createSvg("rect", { ...bar, fill: tint, "fill-opacity": 0.8 })] : [];
  });
}

/* The axis from opposed to aligned. */
function cosineAxis(toX, base, colors) {
  const named = [
    [-1, "−1 opposed", "start"],
    [0, "0 orthogonal", "middle"],
    [1, "1 aligned", "end"],
  ];
  const marks = named.flatMap(([value, text, anchor]) => [
    createSvg("line", { x1: toX(value), x2: toX(value), y1: base, y2: base + 4, stroke: colors.soft }),
    createSvg("text", { x: toX(value), y: base + 18, "text-anchor": anchor }, text),
  ]);
  return [createSvg("line", { x1: toX(-1), x2: toX(1), y1: base, y2: base, stroke: colors.soft }), ...marks];
}

/* One choice per attribute: colour, name, energy at the reader's scale. Returns update(cloud, scale, chosen). */
function sweepChips(parent, onAttribute) {
  const field = createElement(
    "fieldset",
    { class: "frw-chips" },
    createElement("legend", {}, "Attribute, and its energy at this scale"),
  );
  parent.append(field);
  const group = `frw-${Math.random().toString(36).slice(2)}`;
  let owner = null,
    values = [];
  return (cloud, scaleIndex, chosen, tints) => {
    if (owner !== cloud) {
      owner = cloud;
      field.querySelectorAll("label").forEach((label) => label.remove());
      values = cloud.attributes.map((attribute, k) => {
        const input = createElement("input", { type: "radio", name: group, value: attribute.name });
        input.addEventListener("change", () => onAttribute(attribute.name));
        const energy = createElement("b");
        field.append(
          createElement(
            "label",
            { class: "frw-chip", style: `--chip:${tints[k]}` },
            input,
            createElement("i"),
            attribute.name.replaceAll("_", " "),
            energy,
          ),
        );
        return [input, energy];
      });
    }
    values.forEach(([input, energy], k) => {
      input.checked = cloud.attributes[k] === chosen;
      energy.textContent = formatNumber(cloud.attributes[k].energy[scaleIndex]);
    });
  };
}

/* What the figure leaves out, in words. */
function sweepNote(cloud) {
  const parts = [
    `The plane holds ${Math.round(100 * cloud.inside)} % of the cloud's spread.`,
    "A ball lies inside its disc, but not every point of the disc lies in the ball: coloured points do, by their",
    "distance in the full space. Arrows are projected too: a short one points out of the plane. All have the same",
    "length in full space.",
  ];
  if (cloud.metric === "cosine") {
    parts.splice(1, 0, "Points have length 1; a cosine distance r is a chord of length √(2r), the disc's radius.");
  }
  if (cloud.count < cloud.total) {
    parts.unshift(
      `${cloud.count} of ${cloud.total} points are drawn, chosen at random; the ball's neighbours are counted among`,
      "these, the curves use all.",
    );
  }
  return parts.join(" ");
}

/* The reader's choices as objects: cloud, scale index, attribute, index of the picked point. */
function sweepChoices(model) {
  const clouds = model.get("clouds"),
    opened = {};
  return () => {
    const packed = clouds.find((c) => c.name === model.get("cloud")) || clouds[0];
    const cloud = (opened[packed.name] = opened[packed.name] || openCloud(packed));
    const found = cloud.rows.indexOf(model.get("point"));
    return {
      cloud,
      scale: Math.min(cloud.scales.length - 1, Math.max(0, model.get("scale"))),
      attribute: cloud.attributes.find((a) => a.name === model.get("attribute")) || cloud.attributes[0],
      center: found < 0 ? cloud.start : found,
    };
  };
}

/* Cloud, scale and zoom. Returns show(choices) and zoomed(). */
function sweepControls(parent, model, choices, set, redraw) {
  const controls = createElement("div", { class: "frw-controls" }),
    clouds = model.get("clouds").map((c) => c.name);
  parent.append(controls);
  const { cloud, scale } = choices();
  const select =
    clouds.length > 1 &&
    addSelect(controls, { label: "Cloud", options: clouds, value: cloud.name, onInput: (name) => set("cloud", name) });
  const slider = addSlider(controls, {
    label: "Scale ε",
    min: 0,
    max: cloud.scales.length - 1,
    step: 1,
    value: scale,
    format: (k) => shortNumber(choices().cloud.scales[k] ?? NaN),
    onInput: (k) => set("scale", k),
  });
  const zoom = addCheckbox(controls, { label: "Zoom to the ball", value: false, onInput: redraw });
  return {
    zoomed: () => zoom.input.checked,
    show: (now) => {
      slider.input.max = now.cloud.scales.length - 1;
      slider.set(now.scale);
      if (select) select.set(now.cloud.name);
    },
  };
}

/* The three drawings, each under its title. */
function sweepPanels(parent, choices, set) {
  const panels = createElement("div", { class: "frw-panels" }),
    side = createElement("div", { class: "frw-side" });
  const panel = (where, text) => {
    const element = createElement("div", { class: "frw-panel" }, createElement("p", {}, text));
    where.append(element);
    return element;
  };
  const pick = (i) => set("point", choices().cloud.rows[i]);
  const map = sweepMap(panel(panels, "Points and unit vectors, principal plane"), pick);
  const curves = sweepCurves(panel(side, "Energy of the whole cloud"), (k) => set("scale", k));
  const cosines = sweepCosines(panel(side, "Cosines of the picked vector with its ball"));
  panels.append(side);
  parent.append(panels);
  return { map, curves, cosines };
}

const SWEEP_READOUT = ["scale ε", "radius ε·d̄", "in this ball", "energy here", "mean ball, all", "isolated, all"];
const SWEEP_LEAD = "Move ε. Pick a point: click or tap it, or use the arrow keys on the map.";

function render({ model, el }) {
  const heading = { title: model.get("title"), description: model.get("description"), style: SWEEP_STYLE };
  const frame = widgetFrame(el, heading),
    choices = sweepChoices(model);
  const set = (key, value) => {
    if (model.get(key) === value) return;
    model.set(key, value);
    model.save_changes();
  };
  frame.card.append(createElement("p", { class: "frw-lead" }, SWEEP_LEAD));
  const controls = sweepControls(frame.card, model, choices, set, () => draw());
  const chips = sweepChips(frame.card, (name) => set("attribute", name));
  const { map, curves, cosines } = sweepPanels(frame.card, choices, set);
  const readout = addReadout(frame.card, SWEEP_READOUT),
    note = createElement("p", { class: "frw-note" });
  frame.card.append(note);

  let drawn = false;
  function draw() {
    const now = choices(),
      { cloud, scale, attribute, center } = now,
      colors = frame.colors();
    const tints = cloud.attributes.map((_, k) => colors.series[k % colors.series.length]);
    const tint = tints[cloud.attributes.indexOf(attribute)],
      view = lookAt(cloud, attribute, scale, center);
    controls.show(now);
    chips(cloud, scale, attribute, tints);
    map.draw(cloud, attribute, view, center, controls.zoomed(), tint, colors);
    curves.draw(cloud, attribute, scale, tints, colors);
    cosines.draw(view, tint, colors);
    const size = String(view.ball.length),
      own = formatNumber(view.own),
      at = shortNumber(view.scale);
    const whole = [
      formatNumber(attribute.neighbors[scale], 1),
      `${formatNumber(100 * attribute.isolated[scale], 0)} %`,
    ];
    readout([at, formatNumber(view.radius, 3), size, own, ...whole]);
    note.textContent = sweepNote(cloud);
    const mean = formatNumber(attribute.energy[scale]);
    if (drawn)
      frame.announce(`${attribute.name}, scale ${at}: ${size} neighbours, energy here ${own}, of the cloud ${mean}.`);
    drawn = true;
  }
  const events = ["cloud", "scale", "point", "attribute"].map((key) => `change:${key}`);
  events.forEach((event) => model.on(event, draw));
  frame.onTheme(draw);
  draw();
  return () => {
    events.forEach((event) => model.off(event, draw));
    frame.stop();
  };
}

export default { render };
