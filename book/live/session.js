/* What happens once the network runs: the reader changes something, the crop goes through the network, and the view
 * shows what it says. */

/* What people.json holds, with lists of numbers unpacked. */
function openedPeople(people) {
  const center = unpack(people.plane.center),
    rows = (packed) => rowsOf(unpack(packed), center.length),
    { scale, x, y, marks } = people.frame;
  const faces = people.chosen.map(({ person, image }) => {
    const known = people.who.includes(person);
    return { file: `${person}-${image}.jpg`, person: known ? person : null, image, frame: { a: scale, b: 0, x, y } };
  });
  const plane = { center, axes: rows(people.plane.axes), share: people.plane.share },
    points = rows(people.points).map(unit);
  const fields = Object.fromEntries(
    Object.entries(people.fields).map(([name, field]) => [name, rows(field).map(unit)]),
  );
  return { ...people, faces, plane, points, fields, marks, places: points.map((point) => inPlane(point, plane)) };
}

/* Puts the studio in the place of what was drawn before, and shows the first face. */
function studio(frame, el, { people, embed }) {
  frame.card.replaceChildren(...frame.card.querySelectorAll(":scope > .frw-title, :scope > .frw-hidden"));
  const known = openedPeople(people),
    state = { face: null, values: { ...AT_REST }, attribute: "brightness", way: [], start: null },
    on = {},
    view = studioView(frame, known, on),
    update = updating(el, state, view, known, embed);
  Object.assign(on, actions(state, view, update));
  view.pick(known.faces[0]);
  frame.card.querySelector("button").focus();
}

/* What the reader does. */
function actions(state, view, update) {
  let chosen = null;
  return {
    async choose(face) {
      chosen = face;
      const picture = await openedPicture(face.blob || (await fetched(FILES + face.file)).blob);
      if (chosen !== face) return; /* another one was chosen meanwhile */
      state.face = { ...face, picture, frame: face.frame || middleFrame(picture) };
      Object.assign(state, { values: { ...AT_REST }, start: null });
      view.choose(state.face);
      view.set(state.values);
      await update();
    },
    change(name, value) {
      state.values[name] = value;
      update();
    },
    drag(across, down) {
      view.move(state.values, { across, down });
      update();
    },
    along(attribute) {
      state.attribute = attribute;
      update();
    },
    rest() {
      state.values = { ...AT_REST };
      view.set(state.values);
      update();
    },
    here() {
      state.start = null;
      update();
    },
  };
}

/* Returns update(): draw, embed, and show what was found, unless the reader has gone on by then. */
function updating(el, state, view, known, embed) {
  let newest = 0;
  return async () => {
    const own = ++newest,
      { face, attribute } = state,
      values = { ...state.values };
    if (!face) return;
    const image = view.draw(face, values),
      began = performance.now(),
      raw = await embed(image),
      took = performance.now() - began;
    if (own !== newest) return;
    const end = async (step) =>
      unit(await embed(changed(face.crop, CROP, { ...values, [attribute]: values[attribute] + step })));
    const ends = [await end(-known.step[attribute]), await end(known.step[attribute])];
    if (own !== newest) return;
    const point = unit(raw);
    if (!state.start) Object.assign(state, { start: point, way: [] });
    state.way = [...state.way, inPlane(point, known.plane)].slice(-LONGEST_WAY);
    const found = { point, field: directionOf(...ends), took, attribute, face, way: state.way };
    found.moved = apart(point, state.start);
    view.show(found);
    el.dispatchEvent(new CustomEvent("frlib-moved", { detail: { ...found, raw, values } }));
  };
}

/* Steps of the way that are drawn. */
const LONGEST_WAY = 400;
