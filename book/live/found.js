/* What the network says, in pictures and words. */

const ATTRIBUTE_NAMES = { brightness: "Brightness", hue: "Hue", image_quality: "Image quality" };

/* What the network says: map, distances, directions. Returns show(found). */
function foundView(frame, see, parent, known, on) {
  const part = (title) => parent.append(createElement("p", { class: "frw-part" }, title));
  const map = peopleMap(see, known),
    legend = mapLegend(parent);
  parent.append(createElement("p", { class: "frw-note" }, inPercent(known.plane.share)));
  part("Who is near");
  const bars = nearestBars(parent, known.rule.threshold),
    said = createElement("p", { class: "frw-said" });
  parent.append(said, createElement("p", { class: "frw-note" }, ruleInWords(known)));
  part("Which way does it move, and do others move alike?");
  const ways = alongButtons(parent, (attribute) => on.along(attribute)),
    rows = cosineRows(parent),
    sum = createElement("p", { class: "frw-note" });
  parent.append(sum);
  const readout = addReadout(parent, ["moved since the start", "nearest", "one embedding"]);
  let last = null;
  const paint = (found) => {
    last = found;
    const colors = frame.colors(),
      { person } = found.face,
      near = nearestPeople(found.point, known.points, known.who);
    map({ person, way: found.way }, colors);
    legend(person !== null);
    bars(near, person, colors);
    said.textContent = decision(near[0], known.rule.threshold);
    ways(found.attribute);
    const groups = found.field ? alike(found, known) : [];
    rows(groups, colors);
    sum.textContent = groups.length ? inWords(groups) : "This step changes nothing here, so there is no direction.";
    readout([formatNumber(found.moved, 3), formatNumber(near[0].distance, 3), `${formatNumber(found.took, 0)} ms`]);
    frame.announce(`${said.textContent} Moved ${formatNumber(found.moved, 3)}.`);
  };
  frame.onTheme(() => last && paint(last));
  return paint;
}

function ruleInWords({ rule, points, who }) {
  const [right, named] = [rule.right, rule.named].map((share) => `${Math.round(100 * share)} %`);
  const images = `${points.length} images of ${new Set(who).size} drawn people`;
  return `Of the ${images}, ${right} get their own name from the others; with their person left out, ${named} get one.`;
}

/* What the rule of chapter 1 says. */
function decision({ person, distance }, threshold) {
  const [near, limit] = [formatNumber(distance, 3), formatNumber(threshold, 3)];
  return distance <= threshold
    ? `The rule says: ${nameOf(person)}. The nearest image is ${near} away, within ${limit}.`
    : `The rule says: nobody I know. The nearest image is ${near} away, beyond ${limit}.`;
}

/* Cosines of the direction here with those of drawn images under the same attribute: [name, cosines] of the same person
 * and of others. */
function alike({ field, attribute, face }, known) {
  const cosines = known.fields[attribute].map((other) => dot(field, other)),
    of = (own) => cosines.filter((_, i) => (known.who[i] === face.person) === own);
  return [
    ["images of the same person", of(true)],
    ["images of other people", of(false)],
  ].filter(([, list]) => list.length);
}

function inWords(groups) {
  const [name, cosines] = groups[0];
  const mean = meanOf(cosines);
  const sum = `1 − ${formatNumber(mean)} = ${formatNumber(1 - mean)}`;
  return `${sum}, against ${name}. An energy of all pairs is the mean of such numbers.`;
}

/* Buttons for the attribute. Returns mark(attribute). */
function alongButtons(parent, along) {
  const host = createElement("div", { class: "frw-kinds", role: "group", "aria-label": "Attribute" });
  parent.append(host);
  const made = Object.entries(ATTRIBUTE_NAMES).map(([name, label]) => [
    name,
    addButton(host, { label, onClick: () => along(name) }),
  ]);
  return (attribute) =>
    made.forEach(([name, button]) => button.setAttribute("aria-pressed", String(name === attribute)));
}
