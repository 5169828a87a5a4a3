/* Brightness, hue and image quality of an image: the same formulas as frlib/faces/pixels.py.
 *
 * An image is a list of size * size * 3 numbers in 0..255, row by row, red first. */

/* Standard deviation of the blur at quality -1, in pixels of a 112-pixel image, and contrast gained at quality 1. */
const BLUR = 2,
  CONTRAST = 0.5;

const clamped = (value) => Math.min(255, Math.max(0, value));

/* A new image with brightness, hue and image quality changed, in that order; a missing value changes nothing. */
function changed(image, size, { brightness = 0, hue = 0, image_quality = 0 }) {
  let now = Float64Array.from(image, (value) => clamped(value + brightness));
  if (hue) now = turnHue(now, hue);
  if (image_quality > 0) now = contrasted(now, image_quality);
  if (image_quality < 0) now = blurred(now, size, -image_quality);
  return now.map(clamped);
}

/* The hue turned by an amount in half degrees; greys have none and stay. */
function turnHue(image, amount) {
  const turned = new Float64Array(image.length);
  for (let p = 0; p < image.length; p += 3) {
    const [r, g, b] = [image[p], image[p + 1], image[p + 2]];
    const value = Math.max(r, g, b),
      chroma = value - Math.min(r, g, b),
      safe = Math.max(chroma, 1e-9);
    const sixths = r === value ? (g - b) / safe : g === value ? (b - r) / safe + 2 : (r - g) / safe + 4;
    const hue = sixths + (amount * 2) / 60;
    [5, 3, 1].forEach((offset, k) => (turned[p + k] = value - chroma * sector(hue + offset)));
  }
  return turned;
}

/* How much of the chroma a channel lacks, at an angle in sixths of a turn from where it lacks most. */
function sector(angle) {
  const inside = angle - 6 * Math.floor(angle / 6);
  return Math.min(1, Math.max(0, Math.min(inside, 4 - inside)));
}

/* More contrast about the mean. */
function contrasted(image, amount) {
  const mean = image.reduce((sum, value) => sum + value, 0) / image.length;
  return image.map((value) => mean + (value - mean) * (1 + CONTRAST * amount));
}

/* The image under a Gaussian of standard deviation BLUR * amount, scaled to its size; it goes on as at its edge. */
function blurred(image, size, amount) {
  const reach = Math.floor((3 * BLUR * size) / 112) + 1,
    weights = blurWeights(((BLUR * size) / 112) * Math.max(amount, 1e-6), reach);
  const along = (from, step, other) => {
    const to = new Float64Array(from.length);
    for (let line = 0; line < size; line++)
      for (let i = 0; i < size; i++)
        for (let k = -reach; k <= reach; k++) {
          const place = line * other + Math.min(size - 1, Math.max(0, i + k)) * step;
          for (let c = 0; c < 3; c++) to[line * other + i * step + c] += weights[k + reach] * from[place + c];
        }
    return to;
  };
  return along(along(image, 3, 3 * size), 3 * size, 3);
}

/* Weights of a Gaussian however narrow: the image is linear between pixels (see blur_weights in Python). */
function blurWeights(deviation, reach) {
  const smooth = (x) => {
    const z = x / deviation;
    return x * normalShare(z) + (deviation * Math.exp(-0.5 * z * z)) / Math.sqrt(2 * Math.PI);
  };
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => {
    const x = i - reach;
    return smooth(x + 1) - 2 * smooth(x) + smooth(x - 1);
  });
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/* Share of a standard normal variable below z: a series near 0, a continued fraction in the tails. */
function normalShare(z) {
  const far = Math.abs(z),
    density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
  if (far > 4) {
    let fraction = far;
    for (let k = 60; k > 0; k--) fraction = far + k / fraction;
    return z > 0 ? 1 - density / fraction : density / fraction;
  }
  let term = z,
    sum = z;
  for (let k = 3; Math.abs(term) > 1e-17 && k < 200; k += 2) sum += term *= (z * z) / k;
  return 0.5 + density * sum;
}
