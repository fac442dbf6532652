// Focus a field that was just drawn, and select the text of a line. A busy page may draw the field seconds later; then it
// is focused still, unless the person did something else meanwhile. What nobody asked for is not focused on a touch screen,
// where a keyboard would come up.
const LONGEST = 8000; // milliseconds
const RETRY = 50;

export default function ({ data }) {
  if (!data?.key || (data.onTouch === false && !matchMedia("(hover: hover)").matches)) return;
  const until = performance.now() + LONGEST;
  let takenOver = false;
  for (const each of ["keydown", "pointerdown"]) {
    addEventListener(each, () => { takenOver = true; }, { once: true, capture: true });
  }
  const focus = () => {
    const field = document.querySelector(`.st-key-${data.key} :is(input, textarea)`);
    if (field) {
      field.focus();
      if (field.tagName === "INPUT") field.select();
    } else if (!takenOver && performance.now() < until) {
      setTimeout(focus, RETRY);
    }
  };
  focus();
}
