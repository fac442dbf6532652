// Make a fragment run again after a while. The browser keeps the time, so that a hidden tab asks the server nothing.
import { CHAT_BOX } from "./chat_box.js";

const OPEN = '[role="dialog"], [data-testid="stPopoverBody"]';
const PAUSE = 1200; // milliseconds after a press in which a rerun could swallow the next press
const RETRY = 300;
let lastPress = -PAUSE;
for (const each of ["keydown", "pointerdown", "pointerup"]) {
  document.addEventListener(each, () => { lastPress = performance.now(); }, true);
}

// Whether nothing is open and nobody is writing anywhere but in the chat box, which keeps its words over a rerun.
export function isCalm() {
  const active = document.activeElement;
  const writing = active?.matches("input:not([type=radio]):not([type=checkbox]), textarea");
  return !document.querySelector(OPEN) && (!writing || active.matches(CHAT_BOX));
}

// Streamlit draws a component anew without ending what it began before: each place has one timer, and a new one ends it.
const ends = new WeakMap();
// Of what reports in the same moment, Streamlit sends one request that draws one part of the page: one at a time.
let reporting = false;

export default function ({ data, parentElement, setTriggerValue }) {
  if (!data) return;
  ends.get(parentElement)?.();
  let timer;
  const due = () => {
    const busy = document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "running";
    if (document.hidden) return;
    if (busy || reporting || performance.now() - lastPress < PAUSE || (data.calm && !isCalm())) {
      timer = setTimeout(due, RETRY);
      return;
    }
    reporting = true;
    try {
      setTriggerValue("due", data.calm ? "calm" : "time"); // sent by a timer of no time, which ends before the next one
    } finally {
      setTimeout(() => { reporting = false; }, 0);
    }
  };
  const visibilityChanged = () => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(due, 50);
  };
  const end = () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", visibilityChanged);
  };
  timer = setTimeout(due, data.after);
  document.addEventListener("visibilitychange", visibilityChanged);
  ends.set(parentElement, end);
  return end;
}
