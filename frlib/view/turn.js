/* Procrustes by hand: one planar cloud is turned, and mirrored, until it lies on another one of the same images.
 *
 * State, from frlib.view.turn: source and target (packed, centred, inside the unit disc), cross (2 by 2: X'Y over the
 * squared length of Y), spread (squared length of X over that of Y), codes (the person of each row), people
 * [{name, tone}], source_name, target_name, angle (degrees), mirror, title, description.
 */

const TURN_STYLE = `
.frw .frw-turnable { cursor: default; touch-action: none; }
.frw .frw-turnable + .frw-legend { margin-top: 0.6rem; }
.frw-ring { fill: transparent; stroke: var(--frw-line); stroke-width: 1.5; cursor: grab; }
.frw-ring:active { cursor: grabbing; }
.frw-knob { fill: var(--frw-accent); stroke: var(--frw-fill); stroke-width: 2; pointer-events: none; }
.frw-pairs { stroke: var(--frw-soft); stroke-width: 0.8; opacity: 0.6; fill: none; pointer-events: none; }
.frw-from, .frw-onto { pointer-events: none; stroke-linejoin: round; }
.frw-from { fill: var(--tone); stroke: var(--frw-fill); stroke-width: 0.8; }
.frw-onto { fill: var(--frw-fill); stroke: var(--tone); stroke-width: 1.6; }
.frw-home { fill: none; stroke: var(--tone); stroke-width: 1.8; stroke-dasharray: 2.5 2.5; pointer-events: none; }
.frw-angles { cursor: ew-resize; touch-action: pan-y; }
.frw-angles-grid { stroke: var(--frw-line); }
.frw-angles-one { stroke: var(--frw-soft); stroke-dasharray: 1 4; }
.frw-plain, .frw-mirrored { fill: none; stroke: var(--frw-soft); stroke-width: 1.6; stroke-linejoin: round; }
.frw-mirrored { stroke-dasharray: 6 4; }
.frw-angles .frw-chosen-line { stroke: var(--frw-accent); stroke-width: 3; }
.frw-angles-now { stroke: var(--frw-ink); stroke-width: 1.2; }
.frw-angles-spot { fill: var(--frw-accent); stroke: var(--frw-page); stroke-width: 1.5; }
.frw-least { fill: none; stroke: var(--frw-ink); stroke-width: 1.6; }
`;

const TURN_TIME = 900; /* ms from the present angle to the best one */
const TURN_RADIUS = 166; /* of the unit disc on the map */
const TURN_RING = 186;
const TURN_MARK = 4.6;

/* ------------------------------------------------------------------------------------------------------- the maths */

const radiansOf = (degrees) => (degrees * Math.PI) / 180;
const degreesOf = (radians) => (radians * 180) / Math.PI;

/* The same direction between -180 and 180 degrees; both ends stay as they are. */
function wrapped(angle) {
  return Math.abs(angle) <= 180 ? angle : angle - 360 * Math.round(angle / 360);
}

/* |Y - XW|^2 / |Y|^2 for the rotations W by an angle in degrees, of a cloud that is mirrored first or not: a cosine of
 * the angle with one minimum. */
function turnFit(cross, spread, mirror) {
  const sign = mirror ? -1 : 1,
    along = cross[0][0] + sign * cross[1][1],
    across = cross[0][1] - sign * cross[1][0],
    agreement = (radians) => along * Math.cos(radians) + across * Math.sin(radians);
  return {
    mirror,
    residual: (angle) => 1 + spread - 2 * agreement(radiansOf(angle)),
    best: degreesOf(Math.atan2(across, along)),
    least: 1 + spread - 2 * Math.hypot(along, across),
    most: 1 + spread + 2 * Math.hypot(along, across),
  };
}

/* The lower of two minima; up to rounding, equal ones need no mirror. */
function lowerOf([plain, mirrored]) {
  return mirrored.least < plain.least - 1e-12 ? mirrored : plain;
}

/* Points whose second coordinate is multiplied by `flip`, turned by an angle in degrees. */
function turnedPoints(points, angle, flip) {
  const [c, s] = [Math.cos(radiansOf(angle)), Math.sin(radiansOf(angle))];
  return points.map((value, k) => {
    const [x, y] = k % 2 ? [points[k - 1], flip * value] : [value, flip * points[k + 1]];
    return k % 2 ? x * s + y * c : x * c - y * s;
  });
}

/* Mean of the points of each person, flat. */
function personMeans(points, codes, people) {
  const sums = new Float64Array(2 * people),
    counts = new Float64Array(people);
  codes.forEach((code, i) => {
    counts[code]++;
    for (const axis of [0, 1]) sums[2 * code + axis] += points[2 * i + axis];
  });
  return sums.map((sum, k) => sum / counts[k >> 1]);
}

/* Share of points whose nearest mean is that of their own person. */
function rankOne(points, codes, means) {
  const right = codes.filter((code, i) => {
    const far = Array.from({ length: means.length / 2 }, (_, p) =>
      Math.hypot(points[2 * i] - means[2 * p], points[2 * i + 1] - means[2 * p + 1]),
    );
    return far.indexOf(Math.min(...far)) === code;
  });
  return right.length / codes.length;
}

/* Both clouds, and what follows from an angle and a flip (1, or -1 for a mirror; between them while it turns over). */
function openTurn(model) {
  const [source, target] = ["source", "target"].map((key) => unpack(model.get(key))),
    [codes, people] = [model.get("codes"), model.get("people")],
    means = personMeans(target, codes, people.length),
    fits = [false, true].map((mirror) => turnFit(model.get("cross"), model.get("spread"), mirror));
  const look = (angle, flip) => {
    const mirror = flip < 0,
      fit = fits[Number(mirror)];
    const places = turnedPoints(source, angle, flip),
      turned = Math.abs(flip) === 1 ? places : turnedPoints(source, angle, mirror ? -1 : 1);
    return { angle, mirror, fit, places, residual: fit.residual(angle), right: rankOne(turned, codes, means) };
  };
  return { target, codes, people, means, fits, look };
}

function inDegrees(angle) {
  return `${formatNumber(angle, 1)}°`;
}
function inPercent(share) {
  return `${formatNumber(100 * share, 0)}\u00a0%`;
}

/* What the reader looks at, in words. */
function turnInWords({ angle, mirror, residual, right }) {
  const how = mirror ? "mirrored" : "not mirrored";
  return `Angle ${inDegrees(angle)}, ${how}: residual ${formatNumber(residual)}, rank-1 ${inPercent(right)}.`;
}

/* ----------------------------------------------------------------------------------------------------- the pictures */

/* One shape per person, of about the same area: corners x, y, x, y ...; the first is a circle. */
const TURN_SHAPES = (() => {
  const around = (corners, times, start) =>
    Array.from({ length: times }, (_, k) => turnedPoints(corners, start + (360 * k) / times, 1)).flat();
  const [square, triangle, star, plus] = [[1.25, 0], [1.45, 0], [1.5, 0, 0.5, 0.36], [1.2, -0.4, 1.2, 0.4, 0.4, 0.4]];
  return [
    [],
    around(square, 4, 45),
    around(triangle, 3, -90),
    around(square, 4, 0),
    around(triangle, 3, 90),
    around(plus, 4, 0),
    around(star, 5, -90),
    around(plus, 4, 45),
  ];
})();

/* Path data of the shape of a person around (x, y). */
function personShape(person, x, y, r = TURN_MARK) {
  const shape = TURN_SHAPES[person];
  const half = (to) => `a${r} ${r} 0 1 0 ${to} 0`;
  if (!shape.length) return `M${(x - r).toFixed(1)} ${y.toFixed(1)}${half(2 * r)}${half(-2 * r)}Z`;
  return `M${shape.map((value, k) => ((k % 2 ? y : x) + r * value).toFixed(1)).join(" ")}Z`;
}

/* A pair of coordinates of the unit disc on the map. */
function onMap(points, k) {
  return [MAP_SIDE / 2 + TURN_RADIUS * points[k], MAP_SIDE / 2 - TURN_RADIUS * points[k + 1]];
}

/* The map: a ring to turn, lines between the two places of each image, hollow target points and filled source points.
 * Returns draw(look). */
function turnMap(parent, { target, codes, people, means }, now, onAngle) {
  const svg = createSvg("svg", { viewBox: `0 0 ${MAP_SIDE} ${MAP_SIDE}`, role: "img" }),
    ring = createSvg("circle", { class: "frw-ring", cx: MAP_SIDE / 2, cy: MAP_SIDE / 2, r: TURN_RING }),
    knob = createSvg("circle", { class: "frw-knob", r: 8 }),
    pairs = createSvg("path", { class: "frw-pairs" });
  const layer = (name) => people.map(({ tone }) => createSvg("path", { class: name, style: `--tone:${tone}` }));
  const [homes, onto, from] = ["frw-home", "frw-onto", "frw-from"].map(layer);
  const shapes = (points, person) =>
    codes.map((code, i) => (code === person ? personShape(person, ...onMap(points, 2 * i)) : "")).join("");
  homes.forEach((home, p) => home.setAttribute("d", personShape(0, ...onMap(means, 2 * p), 10)));
  onto.forEach((path, p) => path.setAttribute("d", shapes(target, p)));
  svg.append(ring, pairs, ...onto, ...homes, ...from, knob);
  parent.append(createElement("div", { class: "frw-map frw-turnable" }, svg));
  dragToTurn(ring, svg, now, onAngle);
  return (look) => {
    const at = (points, k) =>
        onMap(points, k)
          .map((value) => value.toFixed(1))
          .join(" "),
      [x, y] = [Math.cos(radiansOf(look.angle)), Math.sin(radiansOf(look.angle))];
    pairs.setAttribute("d", codes.map((_, i) => `M${at(look.places, 2 * i)}L${at(target, 2 * i)}`).join(""));
    from.forEach((path, p) => path.setAttribute("d", shapes(look.places, p)));
    setAll(knob, { cx: MAP_SIDE / 2 + TURN_RING * x, cy: MAP_SIDE / 2 - TURN_RING * y });
    svg.setAttribute("aria-label", `Two clouds of ${codes.length} points. ${turnInWords(look)}`);
  };
}

/* A drag turns by the angle that the pointer sweeps around the middle. */
function dragToTurn(handle, svg, now, onAngle) {
  let grip = 0;
  followPointer(handle, (event) => {
    const box = svg.getBoundingClientRect(),
      [x, y] = [event.clientX - box.left - box.width / 2, box.top + box.height / 2 - event.clientY],
      pointer = degreesOf(Math.atan2(y, x));
    if (event.type === "pointerdown") grip = pointer - now();
    else onAngle(Math.round(10 * wrapped(pointer - grip)) / 10);
  });
}

/* Residual at every angle, without and with the mirror. Returns draw(look). */
const TURN_CURVES = { width: 320, height: 214, left: 46, right: 22, top: 12, bottom: 40 };
function turnCurves(parent, fits, onAngle) {
  const { width, height, left, right, top, bottom } = TURN_CURVES,
    toX = scaleLinear([-180, 180], [left, width - right]),
    highest = Math.max(1.1, 1.04 * Math.max(...fits.map((fit) => fit.most))),
    toY = scaleLinear([0, highest], [height - bottom, top]);
  const svg = createSvg("svg", { class: "frw-angles", viewBox: `0 0 ${width} ${height}`, role: "img" }),
    rule = createSvg("line", { class: "frw-angles-now", y1: top - 6, y2: height - bottom }),
    spot = createSvg("circle", { class: "frw-angles-spot", r: 5.5 });
  const steps = Array.from({ length: 121 }, (_, k) => 3 * k - 180),
    lines = fits.map(({ mirror, residual }) => {
      const d = steps.map((angle) => `${toX(angle).toFixed(1)} ${toY(residual(angle)).toFixed(1)}`).join("L");
      return createSvg("path", { class: mirror ? "frw-mirrored" : "frw-plain", d: `M${d}` });
    }),
    { best, least } = lowerOf(fits);
  const lowest = createSvg("circle", { class: "frw-least", cx: toX(best), cy: toY(least), r: 8 });
  svg.append(...angleAxes(toX, toY, highest), ...lines, rule, lowest, spot);
  parent.append(svg);
  followPointer(svg, (event) => {
    const box = svg.getBoundingClientRect(),
      share = (((event.clientX - box.left) / box.width) * width - left) / (width - right - left);
    onAngle(Math.round(360 * Math.min(1, Math.max(0, share)) - 180));
  });
  return (look) => {
    lines.forEach((line, k) => line.classList.toggle("frw-chosen-line", fits[k] === look.fit));
    setAll(rule, { x1: toX(look.angle), x2: toX(look.angle) });
    setAll(spot, { cx: toX(look.angle), cy: toY(look.residual) });
    svg.setAttribute("aria-label", `Residual at every angle, without and with the mirror. ${turnInWords(look)}`);
  };
}

/* Axes, grid and the line at 1. */
function angleAxes(toX, toY, highest) {
  const { width, height, left, right, top, bottom } = TURN_CURVES,
    [end, base, middle] = [width - right, height - bottom, (top + height - bottom) / 2];
  const across = (value, name) => createSvg("line", { class: name, x1: left, x2: end, y1: toY(value), y2: toY(value) });
  const text = (words, attributes) => createSvg("text", { "text-anchor": "middle", ...attributes }, words);
  return [
    ...ticksBetween(0, highest, 4).flatMap((tick) => [
      across(tick, "frw-angles-grid"),
      text(formatNumber(tick, 1), { x: left - 7, y: toY(tick) + 4, "text-anchor": "end" }),
    ]),
    across(1, "frw-angles-one"),
    ...[-180, -90, 0, 90, 180].flatMap((tick) => [
      createSvg("line", { class: "frw-angles-grid", x1: toX(tick), x2: toX(tick), y1: base, y2: base + 4 }),
      text(inDegrees(tick).replace(".0", ""), { x: toX(tick), y: base + 17 }),
    ]),
    text("angle", { x: (left + end) / 2, y: height - 4 }),
    text("residual", { x: 12, y: middle, transform: `rotate(-90 12 ${middle})` }),
  ];
}

/* A filled and a hollow mark for each person. */
function peopleLegend(parent, people) {
  const mark = (name, person, x) => createSvg("path", { class: name, d: personShape(person, x, 5) });
  const items = people.map(({ name, tone }, person) => [
    createSvg(
      "svg",
      { viewBox: "0 0 27 10", "aria-hidden": "true", style: `--tone:${tone}` },
      mark("frw-from", person, 7),
      mark("frw-onto", person, 20),
    ),
    name,
  ]);
  addLegend(parent, items);
}

/* ------------------------------------------------------------------------------------------------------- the widget */

const TURN_LEAD =
  "Drag the filled cloud round, or move the angle, until it lies on the hollow one. Then let Procrustes do it.";
const TURN_READOUT = ["residual", "best rotation", "best reflection", "rank-1"];

/* What the numbers mean. */
function turnNote(model) {
  const [source, target] = [model.get("source_name"), model.get("target_name")];
  return (
    "Both clouds lie with their means in the middle, and one scale was chosen for both. A line joins the two places " +
    `of one image. Residual: the squared length of all lines over that of the points of ${target} about their mean; ` +
    "1 is what the mean alone leaves. With the mirror, the filled cloud is first turned over, top to bottom. The " +
    "ring on the curves marks the smallest residual, where Procrustes goes. Rank-1: share of the points of " +
    `${source} that lie nearer to the mean of their own person in ${target} (dashed rings) than to any other one.`
  );
}

/* Angle, mirror and the button. Returns show(angle, mirror). */
function turnControls(parent, fits, now, set) {
  const controls = createElement("div", { class: "frw-controls" });
  parent.append(controls);
  const slider = addSlider(controls, {
    label: "Angle",
    min: -180,
    max: 180,
    step: 1,
    value: now().angle,
    format: () => inDegrees(now().angle),
    onInput: (angle) => set({ angle }),
  });
  slider.input.setAttribute("aria-label", "Angle");
  const mirror = addCheckbox(controls, {
    label: "Mirror",
    value: now().mirror,
    onInput: (value) => set({ mirror: value }, true),
  });
  const lower = lowerOf(fits);
  addButton(controls, { label: "Procrustes", onClick: () => set({ angle: lower.best, mirror: lower.mirror }, true) });
  return (angle, over) => {
    slider.set(angle);
    mirror.set(over);
  };
}

/* Two panels: the map with its people, and the curves with the numbers. Returns draw(look). */
function turnPanels(parent, model, cloud, now, set) {
  const panel = (words) => createElement("div", { class: "frw-panel" }, createElement("p", {}, words)),
    left = panel(`Filled: ${model.get("source_name")}. Hollow: ${model.get("target_name")}.`),
    right = panel("What is left of the difference, at every angle");
  parent.append(createElement("div", { class: "frw-panels" }, left, right));
  const onAngle = (angle) => set({ angle });
  const map = turnMap(left, cloud, () => now().angle, onAngle);
  peopleLegend(left, cloud.people);
  addLegend(right, [
    [lineSample("frw-plain"), "rotation"],
    [lineSample("frw-mirrored"), "reflection: mirrored, then turned"],
  ]);
  const curves = turnCurves(right, cloud.fits, onAngle),
    readout = addReadout(right, TURN_READOUT);
  return (look) => {
    map(look);
    curves(look);
    const numbers = [look.residual, ...cloud.fits.map((fit) => fit.least)].map((value) => formatNumber(value));
    readout([...numbers, inPercent(look.right)]);
  };
}

function render({ model, el }) {
  const heading = { title: model.get("title"), description: model.get("description"), style: TURN_STYLE };
  const frame = widgetFrame(el, heading),
    cloud = openTurn(model),
    chosen = () => ({ angle: wrapped(Number(model.get("angle")) || 0), flip: model.get("mirror") ? -1 : 1 });
  let look = cloud.look(chosen().angle, chosen().flip),
    raw = look.angle /* as it is drawn, not wrapped: a glide crosses 180 degrees where that is shorter */,
    smooth = false;
  const set = (changes, glides = false) => {
    smooth = glides;
    for (const [key, value] of Object.entries(changes)) if (model.get(key) !== value) model.set(key, value);
    smooth = false;
    model.save_changes();
  };
  frame.card.append(createElement("p", { class: "frw-lead" }, TURN_LEAD));
  const controls = turnControls(frame.card, cloud.fits, () => look, set);
  const panels = turnPanels(frame.card, model, cloud, () => look, set);
  frame.card.append(createElement("p", { class: "frw-note" }, turnNote(model)));
  const glide = gliding(TURN_TIME, ([[angle, flip]]) => {
    raw = angle;
    look = cloud.look(wrapped(angle), flip);
    controls(look.angle, chosen().flip < 0);
    panels(look);
  });
  function draw() {
    const { angle, flip } = chosen();
    glide.to([[smooth ? raw + wrapped(angle - raw) : angle, flip]], smooth);
  }
  const follow = () => {
    draw();
    frame.announce(turnInWords(cloud.look(chosen().angle, chosen().flip)));
  };
  const events = ["angle", "mirror"].map((key) => `change:${key}`);
  events.forEach((event) => model.on(event, follow));
  draw();
  return () => {
    events.forEach((event) => model.off(event, follow));
    glide.stop();
    frame.stop();
  };
}

export default { render };
