// On a narrow screen the sidebar covers the page: close it once a page or a chat was chosen in it, or the page beside it
// is pressed. At once, in the browser: on a busy server the answer may be seconds away.
const NARROW = "(max-width: 768px)";
const COLLAPSE = '[data-testid="stSidebarCollapseButton"] button'; // there while the sidebar is open
const CHOICE = [".st-key-new-chat button", '[data-testid="stSidebarNavLink"]', '[class*="st-key-open-"] button']
  .map((each) => `[data-testid="stSidebar"] ${each}`).join(", ");
const REMEMBERED = "stSidebarCollapsed-"; // the beginning of Streamlit's entry in the browser's storage
const BESIDE = '[data-testid="stMain"], [data-testid="stHeader"]';

document.addEventListener("click", (event) => {
  const collapse = document.querySelector(COLLAPSE);
  if (!collapse || !matchMedia(NARROW).matches) return;
  if (event.target.closest?.(CHOICE)) {
    setTimeout(() => document.querySelector(COLLAPSE)?.click(), 0); // after the press has done what it is for
  } else if (event.target.closest?.(BESIDE)) {
    event.preventDefault();
    event.stopPropagation();
    collapse.click();
  }
}, true);

// Streamlit remembers an open sidebar, and would cover the next page that is loaded with it.
addEventListener("pagehide", () => {
  if (!matchMedia(NARROW).matches) return;
  for (const each of Object.keys(localStorage)) if (each.startsWith(REMEMBERED)) localStorage.setItem(each, "true");
});

export default function () {}
