// Keep what was typed in each chat and not sent, in the storage of this browser tab, and put it back.
import { CHAT_BOX, DRAFT_PREFIX, setNativeValue } from "./chat_box.js";

const MOST_CHATS = 20;
let current = null; // the name under which the open chat's draft is stored
let longest = 0;
let box = null; // the box that `current` belongs to: another box means that the page was drawn anew
let pressed = { words: "", typedSince: false }; // what the box held at the last press elsewhere on the page
let composing = false;

const findBox = () => document.querySelector(CHAT_BOX);
const storedNames = () => Object.keys(sessionStorage).filter((name) => name.startsWith(DRAFT_PREFIX));

export function store(name, words) {
  sessionStorage.removeItem(name); // so that it becomes the latest
  if (!words.trim()) return;
  storedNames()
    .slice(0, -(MOST_CHATS - 1))
    .forEach((each) => storedNames().length >= MOST_CHATS && sessionStorage.removeItem(each));
  try {
    sessionStorage.setItem(name, words.slice(0, longest));
  } catch {
    // The storage is full: the words are still in the box.
  }
}

// Write into the box as if the words had been typed, so that Streamlit notices.
function write(words) {
  setNativeValue(box, words);
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

function forgetOnceSent(name) {
  setTimeout(() => findBox()?.value === "" && sessionStorage.removeItem(name), 50);
}

function notePress() {
  pressed = { words: box?.value ?? "", typedSince: false };
}

document.addEventListener("input", (event) => {
  if (!current || event.target !== box) return;
  pressed.typedSince = true;
  store(current, box.value);
}, true);
document.addEventListener("keydown", (event) => {
  if (event.target !== box) {
    if (event.key === "Enter" || event.key === " ") notePress();
  } else if (current && event.key === "Enter" && !event.isComposing) {
    forgetOnceSent(current);
  }
}, true);
document.addEventListener("pointerdown", (event) => {
  if (!event.target.closest?.('[data-testid="stChatInput"]')) notePress();
}, true);
addEventListener("popstate", notePress);
document.addEventListener("compositionstart", () => { composing = true; }, true);
document.addEventListener("compositionend", () => { composing = false; }, true);
document.addEventListener("click", (event) => {
  if (current && event.target.closest?.('[data-testid="stChatInput"] button')) forgetOnceSent(current);
}, true);

// Show the draft of the chat that is open now. Retries for three seconds while the box is not there yet.
function openChat(data, tries) {
  const boxNow = findBox();
  if (!boxNow) {
    if (tries) setTimeout(() => openChat(data, tries - 1), 100);
    return;
  }
  const name = `${DRAFT_PREFIX}${data.owner}:${data.chat}`;
  const [before, isNewBox] = [current, boxNow !== box];
  [current, box, longest] = [name, boxNow, data.most];
  forgetOtherPeople(data.owner);
  if (data.prefilled || (before === name && !isNewBox)) return;
  const words = sessionStorage.getItem(name) ?? "";
  if (isNewBox) {
    if (words && !box.value) write(words);
  } else if (data.begun) {
    sessionStorage.removeItem(before); // the same words, now in the chat that has just begun
    store(name, box.value);
  } else {
    changeChat(before, name, words);
  }
}

function forgetOtherPeople(owner) {
  for (const each of storedNames()) if (!each.startsWith(`${DRAFT_PREFIX}${owner}:`)) sessionStorage.removeItem(each);
}

// Another chat was opened. What was typed since the press that opened it is meant for that chat.
function changeChat(before, name, words) {
  if (pressed.typedSince) {
    const whole = box.value;
    words += whole.startsWith(pressed.words) ? whole.slice(pressed.words.length) : whole;
    store(before, pressed.words);
    store(name, words);
  }
  if (box.value !== words && !composing) write(words);
}

export default function ({ data }) {
  if (data) openChat(data, 30);
}
