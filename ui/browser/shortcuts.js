// Keyboard shortcuts that people know from other chats; page_scripts.py has the list that is shown (SHORTCUTS). A press of Ctrl or Cmd works everywhere;
// the other keys do nothing while somebody types, and nothing at all does while a dialog or a menu is open.
import { CHAT_BOX } from "./chat_box.js";

const FIELD = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]";
const ON_TOP = '[role="dialog"], [role="menu"], [data-testid="stPopoverBody"], dialog[open]';
const NEW_CHAT = ".st-key-new-chat button";
const SEARCH = ".st-key-searched input";
const STOP = ".st-key-stop button";
const LIST = ".st-key-quiet-shortcuts button";
const SHOW_SIDEBAR = 'button[data-testid="stExpandSidebarButton"], [data-testid="stExpandSidebarButton"] button';
const QUESTION_MARK = "keepsake-question-mark"; // in the browser's storage: "off" if ? alone opens nothing
const IS_MAC = /Mac|iPhone|iPad/.test(navigator.platform ?? "");
let known = null; // the words of the list
let asked = 0; // the presses on its button that reached the server before this script was there

// Which shortcut was pressed, or null. `typing` says whether a field has the focus, `idle` whether it is the empty box.
export function shortcutOf(event, { typing = false, idle = false, alone = true } = {}) {
  if (event.isComposing || event.repeat || event.altKey) return null;
  if (event.ctrlKey || event.metaKey) {
    if (event.key === "/") return "list";
    // On a keyboard with other letters the place of the key counts.
    const letter = /^[a-z]$/i.test(event.key) ? event.key.toLowerCase() : event.code?.replace("Key", "").toLowerCase();
    return { k: "search", "shift+o": "new" }[event.shiftKey ? `shift+${letter}` : letter] ?? null;
  }
  if (event.key === "Escape" && event.shiftKey) return typing ? null : "write";
  if (event.key === "Escape") return typing && !idle ? null : "stop";
  return event.key === "?" && alone && !typing ? "list" : null;
}

function focusField(selector, tries = 20) {
  const field = document.querySelector(selector);
  field?.focus();
  if (document.activeElement === field && field) field.select?.();
  else if (tries) setTimeout(() => focusField(selector, tries - 1), 50); // the sidebar is on its way
  return Boolean(field);
}

function press(selector) {
  const button = document.querySelector(selector);
  button?.click();
  return Boolean(button);
}

const deeds = {
  new: () => press(NEW_CHAT),
  search: () => {
    press(SHOW_SIDEBAR);
    return focusField(SEARCH);
  },
  write: () => Boolean(document.querySelector(CHAT_BOX)) && focusField(CHAT_BOX),
  stop: () => press(STOP),
  list: () => openList(),
};

function element(tag, words, ...children) {
  const made = document.createElement(tag);
  if (words) made.textContent = words;
  made.append(...children);
  return made;
}

function keys(combination) {
  const named = IS_MAC ? combination.replaceAll("Ctrl", "⌘") : combination;
  return named.split("+").map((key) => element("kbd", key));
}

function openList() {
  if (!known || !document.querySelector(NEW_CHAT)) return false; // nobody is signed in
  const list = element("dl", "", ...known.rows.map(([combination, what]) =>
    element("div", "", element("dt", what), element("dd", "", ...keys(combination)))));
  const title = element("h2", known.title);
  title.id = "keepsake-shortcuts-title";
  const alone = element("input");
  alone.type = "checkbox";
  alone.checked = localStorage.getItem(QUESTION_MARK) !== "off";
  alone.addEventListener("change", () => localStorage.setItem(QUESTION_MARK, alone.checked ? "on" : "off"));
  const close = element("button", known.close);
  close.autofocus = true;
  const dialog = element("dialog", "", title, list, element("label", "", alone, known.alone), close);
  dialog.className = "keepsake-shortcuts";
  dialog.setAttribute("aria-labelledby", title.id);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); }); // beside it
  dialog.addEventListener("close", () => dialog.remove());
  (document.querySelector(".stApp") ?? document.body).append(dialog);
  dialog.showModal();
  return true;
}

document.addEventListener("keydown", (event) => {
  const field = event.target.matches?.(FIELD) ? event.target : null;
  const shortcut = shortcutOf(event, {
    typing: Boolean(field),
    idle: Boolean(field?.matches(CHAT_BOX)) && !field.value,
    alone: localStorage.getItem(QUESTION_MARK) !== "off",
  });
  if (!shortcut || document.querySelector(ON_TOP) || !deeds[shortcut]()) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

// The button that shows the list needs no trip to the server, once the words are known.
document.addEventListener("click", (event) => {
  if (!known || !event.target.closest?.(LIST)) return;
  event.preventDefault();
  event.stopPropagation();
  openList();
}, true);

export default function ({ data }) {
  if (!data) return;
  known = data;
  if (data.asked > asked) openList();
  asked = data.asked;
}
