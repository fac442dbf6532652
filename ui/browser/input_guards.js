// Guard the chat box: repair text that cannot be sent, hold back a message whose file failed, and focus the box after
// New chat and Stop.
import { CHAT_BOX, setNativeValue } from "./chat_box.js";

const SEND = '[data-testid="stChatInputSubmitButton"]';
const FAILED_FILE = '[data-testid="stChatInput"] [data-testid="stFileChip"][aria-invalid="true"]';
const FOCUS_BOX_AFTER = ".st-key-stop, .st-key-new-chat";

// A lone surrogate cannot travel to the server, and the whole message would be lost with it.
document.addEventListener("input", (event) => {
  const field = event.target;
  if (!(field instanceof HTMLTextAreaElement) || field.value.isWellFormed?.() !== false) return;
  setNativeValue(field, field.value.toWellFormed());
}, true);

// Streamlit marks a file that is too large, or was lost on its way, and would send the message without it.
function holdBack(event) {
  const chip = document.querySelector(FAILED_FILE);
  if (!chip) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  chip.scrollIntoView({ block: "nearest" });
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
    chip.animate([{ translate: "0" }, { translate: "-4px" }, { translate: "4px" }, { translate: "0" }], 250);
  }
}
document.addEventListener("keydown", (event) => {
  const sends = event.key === "Enter" && !event.shiftKey && !event.isComposing;
  if (sends && event.target.matches?.(CHAT_BOX)) holdBack(event);
}, true);
document.addEventListener("click", (event) => {
  if (event.target.closest?.(SEND)) holdBack(event);
}, true);

// After these buttons the person goes on writing. On a touch screen focus would bring up the keyboard, so not there.
document.addEventListener("click", (event) => {
  if (!event.target.closest?.(FOCUS_BOX_AFTER) || !matchMedia("(hover: hover)").matches) return;
  setTimeout(() => document.querySelector(CHAT_BOX)?.focus({ preventScroll: true }), 60);
}, true);

export default function () {}
