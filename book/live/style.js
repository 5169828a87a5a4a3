/* What the page adds to the look of the widgets. On a phone, picture and map stay in view while sliders scroll by. */

const STUDIO_STYLE = `
.frw-faces { display: flex; flex-wrap: wrap; gap: 0.35rem; margin: 0.6rem 0; padding: 0; border: 0; }
.frw .frw-faces button { padding: 0.15rem; line-height: 0; border-radius: 8px; }
.frw-faces img { width: 3rem; height: 3rem; border-radius: 6px; display: block; }
.frw .frw-faces button[aria-pressed="true"] { box-shadow: 0 0 0 2px var(--frw-accent);
  border-color: var(--frw-accent); }
.frw-file input { max-width: 100%; font: inherit; color: var(--frw-ink); }
.frw-still img { width: 100%; border-radius: 8px; }
.frw-see { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0.5rem 1.6rem; margin: 0.6rem 0;
  align-items: start; background: var(--frw-page); }
@container (max-width: 599px) { .frw-see { gap: 0.5rem; position: sticky; top: 3rem; z-index: 2; padding: 0.3rem 0; } }
.frw-crop { position: relative; line-height: 0; }
.frw-crop canvas { width: 100%; height: auto; border-radius: 10px; }
.frw .frw-crop svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.frw-drag { touch-action: none; cursor: move; }
.frw-halo { stroke: #000; stroke-width: 2; } .frw-mark { stroke: #fff; stroke-width: 0.9; }
.frw-now { fill: var(--frw-accent); stroke: var(--frw-ink); stroke-width: 1.5; }
.frw-ring { fill: none; stroke: var(--frw-ink); stroke-width: 1.5; }
.frw-other { fill: none; stroke: var(--frw-soft); }
.frw-sliders { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: 0.5rem 1.2rem;
  margin: 0.6rem 0; }
.frw-part { margin: 0.2rem 0 0.3rem; font-weight: 600; font-size: 0.88rem; }
.frw-said { margin: 0.5rem 0; font-size: 0.95rem; }
.frw-kinds + svg { margin-top: 0.5rem; }
.frw-start { margin: 0.8rem 0; display: flex; flex-wrap: wrap; gap: 0.6rem 1rem; align-items: center; }
.frw-start p { margin: 0; }
`;
