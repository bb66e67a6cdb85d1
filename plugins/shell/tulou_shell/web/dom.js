// Makes and updates DOM nodes. Text is always text: nothing here turns a string into markup.

const SVG = "http://www.w3.org/2000/svg";
const FORBIDDEN = new Set(["innerHTML", "outerHTML", "srcdoc"]);
const PROPERTIES = new Set(["value", "checked", "disabled", "selected", "hidden", "indeterminate"]);
const SAFE_ADDRESS = /^(https?:|mailto:|tel:|#|\/(?!\/))/i;

/**
 * Make an element: h("button", {class: "primary", onclick: send}, "Send").
 * `on...` with a function listens; null, undefined and false leave a property out.
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  set(element, properties ?? {});
  element.append(...flat(children));
  return element;
}

/**
 * Set properties of an element as `h` does. `style` is declarations ("display: block; --gap: 4px") or an
 * object of properties; the page's policy refuses the attribute, so both go through the element's style.
 */
export function set(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (FORBIDDEN.has(name)) throw new TypeError(`${name}: strings never become markup here`);
    if (name.startsWith("on") && typeof value === "function") {
      element.addEventListener(name.slice(2), value);
    } else if (name === "style") {
      setStyle(element, value);
    } else if (name === "dataset") {
      Object.assign(element.dataset, value);
    } else if (PROPERTIES.has(name)) {
      element[name] = value;
    } else if (value === null || value === undefined || value === false) {
      element.removeAttribute(name);
    } else if ((name === "href" || name === "src") && !SAFE_ADDRESS.test(String(value))) {
      throw new TypeError(`an address of this kind is not allowed: ${value}`);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  return element;
}

function setStyle(element, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute("style");
  else if (typeof value === "string") element.style.cssText = value;
  else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const [key, each] of Object.entries(value)) {
      if (key in element.style) element.style[key] = each; // also as fontSize
      else element.style.setProperty(key, each);
    }
  } else throw new TypeError(`style: give declarations as a text or an object of properties, not ${value}`);
}

/** Replace everything inside an element. */
export function fill(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

/**
 * Make the children of `parent` follow `items`: nodes of the same key are kept and updated, so that
 * focus, selection and scroll position survive.
 */
export function keyed(parent, items, keyOf, make, update = () => {}) {
  const known = (parent.tulouKeyed ??= new Map());
  const wanted = new Set(items.map(keyOf));
  for (const [key, node] of known) {
    if (!wanted.has(key)) {
      node.remove();
      known.delete(key);
    }
  }
  let place = parent.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    let node = known.get(key);
    if (node === undefined) {
      node = make(item);
      known.set(key, node);
    }
    update(node, item);
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
}

const PATHS = {
  chat: "M21 12a8 8 0 0 1-8 8H4l1.7-3.4A8 8 0 1 1 21 12Z M9 11.2h7 M9 14.4h4.5",
  people: "M9.5 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Z M3 20c0-3.3 2.9-5.5 6.5-5.5S16 16.7 16 20 M16 4.8a3.5 3.5 0 0 1 0 6.4 M18 15c1.9.8 3 2.6 3 5",
  gear: "M12 15.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4Z M19.4 13.5l1.6 1.2-1.9 3.3-1.9-.7a7 7 0 0 1-2.1 1.2L14.8 21h-3.7l-.5-2.3a7 7 0 0 1-2.1-1.2l-2 .7-1.8-3.3 1.6-1.4a7 7 0 0 1 0-2.6L4.7 9.5l1.8-3.3 2 .7a7 7 0 0 1 2.1-1.2L11.1 3h3.7l.4 2.5a7 7 0 0 1 2.1 1.2l1.9-.7L21 9.3l-1.6 1.4a7 7 0 0 1 0 2.8Z",
  plus: "M12 5v14 M5 12h14",
  send: "M4.5 12 3 4.5 21 12 3 19.5 4.5 12Zm0 0H12",
  back: "M15 5l-7 7 7 7",
  down: "M12 5v14 M6 13l6 6 6-6",
  close: "M6 6l12 12 M18 6L6 18",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14Z M16.2 16.2 20.5 20.5",
  check: "M5 12.5l4.5 4.5L19 7.5",
  checks: "M2.5 12.5 7 17l8.5-9.5 M12 16l1 1 8.5-9.5",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z M12 7.5V12l3 2",
  alert: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z M12 7.5v5.5 M12 16.4v.1",
  smile: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z M8.5 14.5a4.5 4.5 0 0 0 7 0 M9 9.5v.1 M15 9.5v.1",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z M12 11v5.5 M12 7.6v.1",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12Z M12 14.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6Z",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Z M4.5 20.5c0-3.7 3.3-6 7.5-6s7.5 2.3 7.5 6",
  plug: "M9 3v5 M15 3v5 M6 8h12v3a6 6 0 0 1-12 0Z M12 17v4",
  exit: "M10 4H5v16h5 M14 8l4 4-4 4 M18 12H9",
  page: "M6 3h9l4 4v14H6Z M14.5 3v4.5H19 M9 12h7 M9 16h7",
  next: "M9 5l7 7-7 7",
  bell: "M6 17V11a6 6 0 0 1 12 0v6l1.5 1.5h-15Z M10 21h4",
  panel: "M4 5h16v14H4Z M4 14h16",
};

/** One of the shell's icons; decoration only, so name the button that holds it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** An element that listens to a store (see store.js) while it is in the page. */
export class View extends HTMLElement {
  #ends = [];

  /** Call `handler` now or on `topic` until the element leaves the page. */
  watch(store, topics, handler) {
    for (const topic of topics.split(" ")) this.#ends.push(store.on(topic, handler));
  }

  /** Run `end` when the element leaves the page. */
  later(end) {
    this.#ends.push(end);
  }

  disconnectedCallback() {
    for (const end of this.#ends.splice(0)) end();
  }
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
