// The app's own folder in an address path, whatever path, proxy or frame the app is served under.
export function appFolder(path, pages) {
  const page = pages.find((name) => path.endsWith(`/${name}`));
  return page ? path.slice(0, -page.length) : path.replace(/[/]?$/, "/");
}
