// What several scripts know of the box that chat messages are written in.
export const CHAT_BOX = '[data-testid="stChatInputTextArea"]';

// Drafts are stored under names that begin so.
export const DRAFT_PREFIX = "keepsake-draft:";

// Set a text area's value past the setter that React installs on it, so that React notices the next input event.
export function setNativeValue(field, value) {
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(field, value);
}
