// Hand what is typed into some text areas to the server: after a pause, before any press elsewhere, and when the page is
// left. Streamlit itself does so when a text area loses the focus or hears Ctrl+Enter.
const TYPED = '[class*="st-key-typed-"] textarea';
const PAUSE = 700; // milliseconds
const AHEAD = 80; // milliseconds by which the words go ahead of a press: a page that is left asks for the next one
let field = null; // the text area with words that the server has not got
let timer;
let composing = false;
let handed = -AHEAD; // when words were handed over last

function hand() {
  clearTimeout(timer);
  if (!field || composing) return;
  const typed = field;
  field = null;
  handed = performance.now();
  typed.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, bubbles: true, cancelable: true }));
}

function note(element) {
  if (!element?.matches?.(TYPED)) return;
  field = element;
  clearTimeout(timer);
  timer = setTimeout(hand, PAUSE);
}

document.addEventListener("input", (event) => note(event.target), true);
document.addEventListener("compositionstart", () => { composing = true; }, true);
document.addEventListener("compositionend", () => {
  composing = false;
  if (field) timer = setTimeout(hand, PAUSE);
}, true);
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a");
  if (!link || performance.now() - handed >= AHEAD) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  setTimeout(() => link.click(), AHEAD);
}, true);
document.addEventListener("pointerdown", (event) => { if (event.target !== field) hand(); }, true);
document.addEventListener("visibilitychange", () => { if (document.hidden) hand(); }, true);
addEventListener("pagehide", hand);

note(document.activeElement); // somebody may have typed before this script was there

export default function () {}
