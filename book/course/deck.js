/* Starts the slides. Every slide is laid out from the start, because a chart is drawn for the room that it has. */
(function () {
  "use strict";
  const size = { width: 1280, height: 720, margin: 0, minScale: 0.1, maxScale: 4 };
  Reveal.initialize({
    ...size,
    center: false,
    hash: true,
    slideNumber: "c/t",
    transition: "none",
    viewDistance: 1000,
    mobileViewDistance: 1000,
    pdfSeparateFragments: false,
    plugins: [RevealNotes],
  });

  /* Keys move the slider that has the focus and not the slides, except those that a remote control sends. */
  for (const figure of document.querySelectorAll(".slide-picture"))
    figure.addEventListener("keydown", (event) => {
      const turn = { PageDown: Reveal.next, PageUp: Reveal.prev, Escape: () => document.activeElement.blur() }[event.key];
      if (turn) {
        turn();
        event.preventDefault();
      }
      event.stopPropagation();
    });

  /* A chart takes the room that there is; what has a size of its own, a widget or images, is made as large as fits. */
  for (const place of document.querySelectorAll(".slide-picture:not(:has(.frlib-chart))")) {
    const content = place.firstElementChild;
    content.classList.add("slide-fit");
    const fit = () => {
      const scale = Math.min(2, place.clientWidth / content.offsetWidth, place.clientHeight / content.offsetHeight);
      content.style.transform = `translate(-50%, -50%) scale(${scale})`;
    };
    new ResizeObserver(fit).observe(content);
  }
})();
