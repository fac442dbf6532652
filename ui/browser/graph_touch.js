// On a touch screen one finger scrolls the page past the graph, and moves the graph only once it is larger than its place:
// after two fingers or the button that zooms in.
const PICTURE = ".st-key-graph-chart canvas";
const WHOLE = ".st-key-icon-graph-zoom_out button:disabled"; // there is nothing to zoom out of
const stretched = new WeakSet(); // pictures that two fingers were on

function holdBack(event) {
  const picture = event.target.closest?.(PICTURE);
  if (!picture) return;
  if (event.touches.length > 1) stretched.add(picture);
  // What the chart does not hear of it cannot keep from the page. A tap reaches it as a click all the same.
  else if (!stretched.has(picture) && document.querySelector(WHOLE)) event.stopPropagation();
}
for (const each of ["touchstart", "touchmove", "touchend"]) {
  document.addEventListener(each, holdBack, { capture: true, passive: true });
}

export default function () {}
