/* The parts of the page that a reader sees once the network runs. */

const ATTRIBUTE_NAMES = { brightness: "Brightness", hue: "Hue", image_quality: "Image quality" };

/* Builds the parts; `on` says what the reader does: choose(face), change(name, value), drag(across, down),
 * along(attribute), rest(), here(). Returns {draw, show, choose, set, move}. */
function studioView(frame, known, on) {
  const { card } = frame,
    told = createElement("p", { class: "frw-lead", role: "status" }, PRIVATE);
  const chooser = faceChooser(card, known, async (face) => {
    try {
      await on.choose(face);
      told.textContent = PRIVATE;
    } catch {
      told.textContent = `${face.name || face.file} cannot be read as an image.`;
    }
  });
  card.append(told);
  const see = createElement("div", { class: "frw-see" }),
    seen = createElement("div"),
    panels = createElement("div", { class: "frw-panels" }),
    left = createElement("div", { class: "frw-panel" }),
    right = createElement("div", { class: "frw-panel" });
  panels.append(left, right);
  see.append(seen);
  card.append(see, panels);
  const crop = cropView(seen, known.marks, on.drag),
    marks = addCheckbox(left, { label: "Show where eyes, nose and mouth belong", value: false, onInput: crop.showMarks }),
    sliders = studioSliders(left, known.attributes, on);
  const show = foundView(frame, see, right, known, on);
  return {
    show,
    set: sliders.set,
    move: sliders.move,
    choose(face) {
      chooser(face);
      sliders.range(!face.file);
      marks.input.checked = !face.file;
      crop.showMarks(!face.file);
      crop.letDrag(!face.file);
    },
    /* The image now; the cut is kept while only colours change. */
    draw(face, values) {
      const { across, down, turn, zoom } = values,
        key = [across, down, turn, zoom].join();
      if (face.key !== key) Object.assign(face, { key, crop: cut(face.picture, movedFrame(face.frame, values)) });
      const image = changed(face.crop, CROP, values);
      crop.draw(image, `The crop that the network sees: ${titleOf(face)}`);
      return image;
    },
  };
}

const titleOf = (face) => {
  if (!face.file) return "your photograph";
  const image = ["first", "second", "third"][face.image];
  return face.person === null ? `a stranger, ${image} image` : `${nameOf(face.person)}, ${image} new image`;
};

/* Drawn faces as buttons, and a file of one's own. Returns mark(face). */
function faceChooser(parent, known, choose) {
  const faces = createElement("div", { class: "frw-faces", role: "group", "aria-label": "Drawn people" }),
    buttons = known.faces.map((face) => {
      const picture = createElement("img", { src: FILES + face.file, alt: titleOf(face), class: "dark-light" });
      const button = createElement("button", { type: "button", "aria-pressed": "false", title: titleOf(face) }, picture);
      button.addEventListener("click", () => choose(face));
      faces.append(button);
      return [face, button];
    });
  parent.append(faces);
  fileChooser(parent, parent, (blob) => choose({ blob, name: blob.name, person: null }));
  return ({ file }) => buttons.forEach(([face, button]) => button.setAttribute("aria-pressed", String(face.file === file)));
}

/* The sliders in two groups, and two buttons. Returns {set, move, range}. */
function studioSliders(parent, attributes, on) {
  const list = sliderList(attributes),
    made = {};
  for (const [title, part] of [["Change the image", list.slice(0, 3)], ["Move the crop", list.slice(3)]]) {
    const group = createElement("div", { class: "frw-sliders", role: "group", "aria-label": title });
    parent.append(createElement("p", { class: "frw-part" }, title), group);
    for (const [name, label, step, format, [min, max]] of part)
      made[name] = addSlider(group, {
        label, min, max, step, format, value: AT_REST[name], onInput: (value) => on.change(name, value),
      });
  }
  const buttons = createElement("div", { class: "frw-controls" });
  parent.append(buttons);
  addButton(buttons, { label: "All sliders back", onClick: on.rest });
  addButton(buttons, { label: "Start the way from here", onClick: on.here });
  const set = (values) => Object.entries(made).forEach(([name, slider]) => slider.set(values[name]));
  return {
    set,
    range: (own) => list.forEach(([name, , , , drawn, photograph]) => {
      const [min, max] = own ? photograph : drawn;
      setAll(made[name].input, { min, max });
    }),
    move: (values, by) => {
      for (const [name, amount] of Object.entries(by)) {
        const { min, max } = made[name].input;
        values[name] = Math.min(Number(max), Math.max(Number(min), values[name] + amount));
      }
      set(values);
    },
  };
}

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
  const ways = alongButtons(parent, on.along),
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
  return `Of the ${points.length} images of ${new Set(who).size} drawn people, ${right} get their own name from the others; with
    their person left out, ${named} get one.`;
}

/* What the rule of chapter 1 says. */
function decision({ person, distance }, threshold) {
  const [near, limit] = [formatNumber(distance, 3), formatNumber(threshold, 3)];
  return distance <= threshold
    ? `The rule says: ${nameOf(person)}. The nearest image is ${near} away, within ${limit}.`
    : `The rule says: nobody I know. The nearest image is ${near} away, beyond ${limit}.`;
}

/* Cosines of the direction here with those of drawn images, under the same attribute: [name, cosines] of the same person
 * and of others. */
function alike({ field, attribute, face }, known) {
  const cosines = known.fields[attribute].map((other) => dot(field, other)),
    of = (own) => cosines.filter((_, i) => (known.who[i] === face.person) === own);
  return [["images of the same person", of(true)], ["images of other people", of(false)]].filter(([, list]) => list.length);
}

function inWords(groups) {
  const [name, cosines] = groups[0];
  const mean = meanOf(cosines);
  return `1 − ${formatNumber(mean)} = ${formatNumber(1 - mean)}, against ${name}. An energy of all pairs is the mean of such numbers.`;
}

/* Buttons for the attribute. Returns mark(attribute). */
function alongButtons(parent, along) {
  const host = createElement("div", { class: "frw-kinds", role: "group", "aria-label": "Attribute" });
  parent.append(host);
  const made = Object.entries(ATTRIBUTE_NAMES).map(([name, label]) => [name, addButton(host, { label, onClick: () => along(name) })]);
  return (attribute) => made.forEach(([name, button]) => button.setAttribute("aria-pressed", String(name === attribute)));
}
