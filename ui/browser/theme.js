// Let the person choose light, dark or the system's theme. Streamlit reads the choice when it loads a page, from an
// entry of the browser's storage for each page; this writes those entries.
import { appFolder } from "./app_folder.js";

const RELOAD_AFTER = 500; // milliseconds: arrow keys pass one theme on the way to another
export const storageName = (path) => `stActiveTheme-${path}-v2`;

function storedTheme() {
  try {
    return JSON.parse(localStorage.getItem(storageName(location.pathname))) ?? "System";
  } catch {
    return "System";
  }
}

export function storeTheme(theme, pages) {
  const folder = appFolder(location.pathname, pages);
  const paths = new Set([location.pathname, folder, ...pages.map((page) => folder + page)]);
  for (const path of paths) localStorage.setItem(storageName(path), JSON.stringify(theme));
}

export default function ({ data, parentElement }) {
  const fieldset = parentElement.querySelector("fieldset");
  if (!fieldset || fieldset.dataset.drawn) return;
  fieldset.dataset.drawn = "yes";
  fieldset.querySelector("legend").textContent = data.legend;
  const chosen = storedTheme();
  let reload;
  for (const [value, label] of data.themes) {
    const line = document.createElement("label");
    const radio = document.createElement("input");
    Object.assign(radio, { type: "radio", name: "light", value, checked: value === chosen });
    radio.addEventListener("change", () => {
      storeTheme(value, data.pages);
      clearTimeout(reload);
      if (data.kept) reload = setTimeout(() => location.reload(), RELOAD_AFTER);
      else parentElement.querySelector("p").textContent = data.later;
    });
    line.append(radio, label);
    fieldset.append(line);
  }
}
