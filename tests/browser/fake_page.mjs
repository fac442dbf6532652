// As much of a browser as the scripts need: a document with listeners and named elements, storage, and a clock that
// stands still until it is told to move.

export class FakeStorage {
  getItem(name) { return Object.hasOwn(this, name) ? this[name] : null; }
  setItem(name, value) { this[name] = String(value); }
  removeItem(name) { delete this[name]; }
}

export class FakeElement {
  #value = "";
  constructor(tag = "div", matching = []) {
    Object.assign(this, { tag, matching, children: [], listeners: {}, style: {}, dataset: {}, classList: [], heard: [] });
  }
  get value() { return this.#value; }
  set value(words) { this.#value = words; }
  matches(selector) { return this.matching.includes(selector); }
  closest(selector) { return this.matches(selector) ? this : null; }
  append(...children) { this.children.push(...children); }
  addEventListener(name, listener) { (this.listeners[name] ??= []).push(listener); }
  dispatchEvent(event) { this.heard.push(event.type); return true; }
  setAttribute(name, value) { this[name] = value; }
  getBoundingClientRect() { return { left: 20, top: 100 }; }
  querySelector(selector) { return this.children.find((each) => each.tag === selector || each.matches(selector)) ?? null; }
  scrollIntoView() { this.heard.push("scrollIntoView"); }
  animate() { this.heard.push("animate"); }
  focus() { this.heard.push("focus"); }
  select() { this.heard.push("select"); }
  click() { this.heard.push("click"); }
  remove() { this.heard.push("remove"); }
  showModal() { this.heard.push("showModal"); }
}

// Put a new page into the global scope, and return what a test needs of it.
export function newPage({ address = "https://keepsake.example/", matchesMedia = [] } = {}) {
  const listeners = {};
  const timers = [];
  const found = {};
  const page = {
    found,
    time: 0,
    listen: (name, listener) => (listeners[name] ??= []).push(listener),
    async fire(type, target, more = {}) {
      const event = { type, target, stopped: false, ...more };
      event.preventDefault = event.stopPropagation = event.stopImmediatePropagation = () => { event.stopped = true; };
      for (const each of listeners[type] ?? []) each(event);
      await Promise.resolve();
      return event;
    },
    // Let so many milliseconds pass, with every timer that is due.
    pass(milliseconds) {
      const end = page.time + milliseconds;
      for (;;) {
        const [next] = timers.filter((each) => each.at <= end).sort((one, other) => one.at - other.at);
        if (!next) break;
        timers.splice(timers.indexOf(next), 1);
        page.time = next.at;
        next.run();
      }
      page.time = end;
    },
  };
  const document = {
    body: new FakeElement("body"),
    activeElement: null,
    hidden: false,
    cookie: "",
    baseURI: address,
    addEventListener: page.listen,
    removeEventListener: (name, listener) => { listeners[name] = (listeners[name] ?? []).filter((each) => each !== listener); },
    createElement: (tag) => (page.made = new FakeElement(tag)),
    querySelector: (selector) => found[selector] ?? null,
    execCommand: () => false,
  };
  const url = new URL(address);
  const location = { href: url.href, protocol: url.protocol, pathname: url.pathname, assign: (to) => { page.wentTo = to; } };
  location.reload = () => { page.reloads = (page.reloads ?? 0) + 1; };
  const globals = {
    document,
    location,
    window: { top: { location }, location, matchMedia: (query) => ({ matches: matchesMedia.includes(query) }) },
    matchMedia: (query) => ({ matches: matchesMedia.includes(query) }),
    history: { state: "state", replaceState: (state, _, to) => { page.replaced = [state, String(to)]; } },
    sessionStorage: new FakeStorage(),
    localStorage: new FakeStorage(),
    navigator: { clipboard: { writeText: async (words) => { page.copied = words; } } },
    addEventListener: page.listen,
    performance: { now: () => page.time },
    getComputedStyle: () => ({ overflowY: "auto" }),
    setTimeout: (run, after) => timers.push(Object.assign(run, { timer: { run, at: page.time + after } }).timer) && run.timer,
    clearTimeout: (timer) => { if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1); },
    innerWidth: 1000,
    innerHeight: 800,
    HTMLTextAreaElement: FakeElement,
    Event: class { constructor(type) { this.type = type; } },
    KeyboardEvent: class { constructor(type, keys) { Object.assign(this, keys, { type }); } },
    fetch: async (to, request) => { page.asked = { to, ...request }; return { status: page.status ?? 204 }; },
  };
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  return Object.assign(page, { document, sessionStorage: globals.sessionStorage, localStorage: globals.localStorage });
}

let loaded = 0;
// The script as a new page loads it, with nothing remembered from an earlier one.
export function load(name) {
  return import(new URL(`../../ui/browser/${name}.js?${(loaded += 1)}`, import.meta.url));
}
