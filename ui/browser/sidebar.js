// Close the sidebar on a narrow screen, where it covers the page.
const NARROW = "(max-width: 768px)";
const done = new Set(); // Streamlit runs this again at each change of the page; each request is carried out once.

export default function ({ data }) {
  if (!data?.once || done.has(data.once)) return;
  done.add(data.once);
  if (!window.matchMedia(NARROW).matches) return;
  document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
}
