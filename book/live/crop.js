/* The crop of a picture that a network sees: bilinear, as frlib.faces.crops.align cuts it.
 *
 * Positions are in pixels; the centre of the first pixel is (0.5, 0.5). A frame {a, b, x, y} says where a place (u, v)
 * of the crop lies in the picture: (a u - b v + x, b u + a v + y). */

/* Height and width of the crop, in pixels. */
const CROP = 112;

/* The frame after the reader's move of the face in the crop: shifted across and down (pixels of the crop), turned
 * clockwise (degrees) and enlarged (doublings) about the centre. */
function movedFrame(frame, { across = 0, down = 0, turn = 0, zoom = 0 }) {
  const angle = (-turn * Math.PI) / 180,
    [c, s] = [Math.cos(angle) / 2 ** zoom, Math.sin(angle) / 2 ** zoom],
    middle = CROP / 2,
    [du, dv] = [-middle - across, -middle - down];
  const [x, y] = placeIn(frame, middle + c * du - s * dv, middle + s * du + c * dv);
  return { a: frame.a * c - frame.b * s, b: frame.b * c + frame.a * s, x, y };
}

/* Where a place of the crop lies in the picture. */
function placeIn(frame, u, v) {
  return [frame.a * u - frame.b * v + frame.x, frame.b * u + frame.a * v + frame.y];
}

/* A frame that shows the largest square in the middle of a picture. */
function middleFrame({ width, height }) {
  const side = Math.min(width, height),
    a = side / CROP;
  return { a, b: 0, x: (width - side) / 2, y: (height - side) / 2 };
}

/* The crop as a list of CROP * CROP * 3 numbers. picture: {width, height, data} with four bytes per pixel. Where the
 * picture becomes smaller, a pixel is the mean over a grid of samples. Beyond its edge a picture goes on as there. */
function cut(picture, frame) {
  const finer = Math.max(1, Math.ceil(Math.hypot(frame.a, frame.b) - 1e-4)),
    crop = new Float64Array(CROP * CROP * 3),
    share = 1 / (finer * finer);
  for (let v = 0; v < CROP * finer; v++)
    for (let u = 0; u < CROP * finer; u++) {
      const [fu, fv] = [(u + 0.5) / finer, (v + 0.5) / finer];
      const x = frame.a * fu - frame.b * fv + frame.x - 0.5,
        y = frame.b * fu + frame.a * fv + frame.y - 0.5;
      addSample(picture, x, y, crop, 3 * (Math.floor(fv) * CROP + Math.floor(fu)), share);
    }
  return crop;
}

/* Add the picture's colour between four pixels to three numbers of a crop. Without lists: it runs a million times. */
function addSample({ width, height, data }, x, y, crop, target, share) {
  const inX = Math.min(width - 1, Math.max(0, x)),
    inY = Math.min(height - 1, Math.max(0, y)),
    left = Math.floor(inX),
    top = Math.floor(inY),
    right = left < width - 1 ? 4 : 0,
    below = top < height - 1 ? 4 * width : 0,
    s = inX - left,
    t = inY - top;
  for (let c = 0, p = 4 * (top * width + left); c < 3; c++, p++) {
    const upper = (1 - s) * data[p] + s * data[p + right],
      lower = (1 - s) * data[p + below] + s * data[p + below + right];
    crop[target + c] += share * ((1 - t) * upper + t * lower);
  }
}
