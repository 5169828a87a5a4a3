/* What the page draws: the map of people, the distances to the nearest of them, and the cosines of directions. */

const PANEL = 400; /* width of the smaller panels, in their own units */

/* places -> pixels of the square map, with room at its edge. */
function mapScale(places) {
  const range = (k) => [Math.min(...places.map((p) => p[k])), Math.max(...places.map((p) => p[k]))];
  const [x, y] = [range(0), range(1)],
    unit = (MAP_SIDE - 70) / Math.max(x[1] - x[0], y[1] - y[0]);
  const middle = [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2];
  const inside = (value) => Math.min(MAP_SIDE - 8, Math.max(8, value));
  return ([px, py]) => [inside(MAP_SIDE / 2 + unit * (px - middle[0])), inside(MAP_SIDE / 2 - unit * (py - middle[1]))];
}

/* The map of people. Returns draw({person, way}, colors): circles are images, triangles those of the person, the way
 * leads from an open to a filled ring. A person of null has no images. */
function peopleMap(parent, { places, who }) {
  const toMap = mapScale(places),
    svg = createSvg("svg", { viewBox: `0 0 ${MAP_SIDE} ${MAP_SIDE}`, "aria-hidden": "true" }),
    host = createElement("div", { class: "frw-map" }, svg);
  parent.append(host);
  const mark = ([x, y], own, colors) =>
    own
      ? createSvg("path", { d: `M${x} ${y - 6}l5.5 10h-11z`, fill: colors.series[1], stroke: colors.page })
      : createSvg("circle", { cx: x, cy: y, r: 3.8, fill: "none", stroke: colors.soft });
  return ({ person, way }, colors) => {
    const marks = places.map((place, i) => mark(toMap(place), who[i] === person, colors));
    const steps = way.map(toMap),
      ring = { fill: "none", stroke: colors.ink, "stroke-width": 2 };
    if (steps.length) {
      const line = steps.map((step) => step.map((value) => value.toFixed(1)).join(" ")).join("L"),
        [[sx, sy], [x, y]] = [steps[0], steps.at(-1)];
      marks.push(
        createSvg("path", { d: `M${line}`, fill: "none", stroke: colors.accent, "stroke-width": 2 }),
        createSvg("circle", { cx: sx, cy: sy, r: 6, ...ring }),
        createSvg("circle", { cx: x, cy: y, r: 7, ...ring, fill: colors.accent }),
      );
    }
    svg.replaceChildren(...marks);
  };
}

/* What the marks of the map mean. Returns show(known): whether the person has images on it. */
function mapLegend(parent) {
  const sample = (mark) => createSvg("svg", { viewBox: "0 0 27 14", "aria-hidden": "true" }, mark),
    at = { cx: 13, cy: 7 };
  const own = sample(createSvg("path", { d: "M13 1l5.5 10h-11z", fill: SERIES[1] }));
  addLegend(parent, [
    [sample(createSvg("circle", { ...at, r: 6, class: "frw-now" })), "this image now"],
    [sample(createSvg("circle", { ...at, r: 5, class: "frw-ring" })), "where it started"],
    [sample(createSvg("circle", { ...at, r: 3.2, class: "frw-other" })), "other drawn images"],
    [own, "images of the same person"],
  ]);
  return (known) => (own.parentElement.style.display = known ? "" : "none");
}

/* Distances to the nearest people as bars, with the threshold. Returns draw(near, person, colors). */
function nearestBars(parent, threshold, count = 5) {
  const row = 24,
    height = count * row + 26,
    svg = createSvg("svg", { viewBox: `0 0 ${PANEL} ${height}`, "aria-hidden": "true" });
  parent.append(svg);
  return (near, person, colors) => {
    const shown = near.slice(0, count),
      wide = scaleLinear([0, Math.max(1.6 * threshold, shown.at(-1).distance)], [96, PANEL - 44]);
    const bars = shown.flatMap(({ person: other, distance }, k) => [
      createSvg("text", { x: 0, y: k * row + 16 }, nameOf(other) + (other === person ? " ▲" : "")),
      createSvg("rect", {
        x: 96,
        y: k * row + 4,
        height: row - 8,
        width: wide(distance) - 96,
        rx: 2,
        fill: other === person ? colors.series[1] : colors.series[0],
        "fill-opacity": distance <= threshold ? 1 : 0.45,
      }),
      createSvg("text", { x: wide(distance) + 5, y: k * row + 16 }, formatNumber(distance, 3)),
    ]);
    const x = wide(threshold);
    const line = { x1: x, x2: x, y1: 0, y2: height - 18, stroke: colors.ink, "stroke-dasharray": "4 3" };
    const word = createSvg(
      "text",
      { x, y: height - 4, "text-anchor": "middle" },
      `threshold ${formatNumber(threshold, 3)}`,
    );
    svg.replaceChildren(...bars, createSvg("line", line), word);
  };
}

/* How a person is called. */
function nameOf(person) {
  return `person ${String(person).padStart(2, "0")}`;
}

/* Cosines of one direction with others, as ticks on rows with their mean. Returns draw(rows, colors); rows is a list of
 * [name, cosines]. */
function cosineRows(parent) {
  const row = 44,
    svg = createSvg("svg", { viewBox: `0 0 ${PANEL} ${2 * row + 24}`, "aria-hidden": "true" }),
    x = scaleLinear([-1, 1], [8, PANEL - 8]);
  parent.append(svg);
  return (rows, colors) => {
    const marks = rows.flatMap(([name, cosines], k) => {
      const y = k * row + 26,
        mean = meanOf(cosines);
      return [
        createSvg("text", { x: 8, y: y - 14 }, `${name}: mean ${formatNumber(mean)}`),
        createSvg("line", { x1: x(-1), x2: x(1), y1: y, y2: y, stroke: colors.line }),
        ...cosines.map((cosine) =>
          createSvg("path", {
            d: `M${x(cosine)} ${y - 6}v12`,
            stroke: cosineColor(cosine, colors.dark),
            "stroke-width": 1.6,
          }),
        ),
        createSvg("path", { d: `M${x(mean)} ${y + 8}l5 7h-10z`, fill: colors.ink }),
      ];
    });
    const ends = [-1, 0, 1].map((cosine) => {
      const anchor = { "-1": "start", 0: "middle", 1: "end" }[cosine];
      const word = { "-1": "−1 opposed", 0: "0", 1: "1 the same way" }[cosine];
      return createSvg("text", { x: x(cosine), y: rows.length * row + 18, "text-anchor": anchor }, word);
    });
    svg.setAttribute("viewBox", `0 0 ${PANEL} ${rows.length * row + 24}`);
    svg.replaceChildren(...marks, ...ends);
  };
}

const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
