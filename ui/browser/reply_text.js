// What Streamlit leaves out of a text: give each list the direction of its words, so that the bullets of a Hebrew or
// Arabic list stand at its right, and each block of code the name of its language, and a button that copies it without
// a pointer over it. clipboard.js does the copying.
const LISTS = ".stMarkdown :is(ul, ol):not([dir])";
const CODE = '[data-testid="stChatMessageContent"] .stCode code';
const NO_LANGUAGE = ["text", "txt", "plaintext", "undefined", "null"];

export function setDirections() {
  for (const list of document.querySelectorAll(LISTS)) list.setAttribute("dir", "auto");
}

export function languageOf(classes) {
  const name = [...classes].find((each) => each.startsWith("language-"))?.slice("language-".length) ?? "";
  return NO_LANGUAGE.includes(name.toLowerCase()) ? "" : name;
}

export function completeCode() {
  for (const code of document.querySelectorAll(CODE)) {
    const block = code.closest(".stCode");
    const language = languageOf(code.classList);
    if (!block) continue;
    if (block.getAttribute("data-language") !== language) block.setAttribute("data-language", language);
    if (!block.querySelector(".copy-code")) block.append(copyButton());
  }
}

function copyButton() {
  const button = document.createElement("button");
  button.className = "copy-code";
  button.type = "button";
  button.textContent = "content_copy"; // the name of an icon
  button.setAttribute("aria-label", "Copy code");
  return button;
}

function complete() {
  setDirections();
  completeCode();
}

// A reply grows for a long time: one look for each picture that the browser draws is enough.
let waits = false;
new MutationObserver(() => {
  if (waits) return;
  waits = true;
  requestAnimationFrame(() => {
    waits = false;
    complete();
  });
}).observe(document.body, { childList: true, subtree: true });

export default complete;
