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

export default function ({ data, setTriggerValue }) {
  if (!data) return;
  let timer;
  const due = () => {
    const busy = document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "running";
    if (document.hidden) return;
    if (busy || performance.now() - lastPress < PAUSE || (data.calm && !isCalm())) {
      timer = setTimeout(due, RETRY);
    } else {
      setTriggerValue("due", data.calm ? "calm" : "time");
    }
  };
  const visibilityChanged = () => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(due, 50);
  };
  timer = setTimeout(due, data.after);
  document.addEventListener("visibilitychange", visibilityChanged);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", visibilityChanged);
  };
}
