// Bring one message into view and hold it there until the page has stopped moving.
const MARGIN = 60;
const LONGEST = 8000; // milliseconds
const STILL = 1500; // milliseconds without movement after which the page counts as settled
const done = new Set();
let firstTop = 0; // where the first message stood when the person asked for earlier messages

document.addEventListener("click", (event) => {
  if (!event.target.closest?.(".st-key-earlier-messages")) return;
  firstTop = document.querySelector('[class*="st-key-message-"]')?.getBoundingClientRect().top ?? 0;
}, true);

function scrollingParent(message) {
  for (let each = message.parentElement; each; each = each.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(each).overflowY) && each.scrollHeight > each.clientHeight + 1) return each;
  }
  return document.scrollingElement;
}

function highlight(message) {
  const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const colours = [{ backgroundColor: "rgb(200 85 59 / 0.28)" }, { backgroundColor: "rgb(200 85 59 / 0)" }];
  message.animate(reduced ? [colours[0], colours[0]] : colours, { duration: 2600, easing: "ease-in" });
}

export function wantedTop(data) {
  if (data.mark || data.write) return Math.max(MARGIN, innerHeight / 4);
  return data.end ? innerHeight / 2 : firstTop;
}

// Scroll the message to its place. Returns whether anything moved, or the message is not there yet.
export function moveIntoView(data) {
  const message = document.querySelector(`.st-key-message-${data.message}`);
  if (!message) return true;
  const offset = message.getBoundingClientRect().top - wantedTop(data);
  const parent = scrollingParent(message);
  const before = parent.scrollTop;
  if (Math.abs(offset) > 2) parent.scrollTop += offset;
  const field = data.write && message.querySelector("textarea");
  if (data.write && !field) return true; // its editor is not drawn yet
  if (field && document.activeElement !== field) field.focus({ preventScroll: true });
  if (data.mark && !done.has(`marked ${data.once}`)) {
    done.add(`marked ${data.once}`);
    highlight(message);
  }
  return Math.abs(parent.scrollTop - before) > 1; // false at the end of the page, where there is no further to go
}

export default function ({ data }) {
  if (!data?.message || done.has(data.once)) return;
  done.add(data.once);
  // What is drawn late, and the page's own scrolling to its end, may still move the message.
  const until = performance.now() + LONGEST;
  let [lastMoved, takenOver] = [performance.now(), false];
  for (const each of ["wheel", "touchmove", "keydown", "pointerdown"]) {
    addEventListener(each, () => { takenOver = true; }, { once: true, passive: true });
  }
  const step = () => {
    const now = performance.now();
    if (takenOver || now > until || now - lastMoved > STILL) return;
    const running = document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "running";
    if (moveIntoView(data) || running) lastMoved = now;
    requestAnimationFrame(step);
  };
  step();
}
